"""The journal: what a process recorded, in SQLite segments that survive a SIGKILL, and their reader."""
