"""The subcommands, one module each.

A module has ``add(subparsers)``, which declares its arguments, and ``main(args) -> int``. It imports
what it needs inside `main`: `loopscope jobs` starts without a web framework.
"""

COMMANDS = ("run", "demo", "dashboard", "jobs", "doctor", "tree")
