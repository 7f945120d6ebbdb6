"""`python -m loopscope`: the same command line as `loopscope`, found through its entry point."""

import sys
from importlib.metadata import entry_points


def main() -> int:
    (command,) = entry_points(group="console_scripts", name="loopscope")
    return int(command.load()())


if __name__ == "__main__":
    sys.exit(main())
