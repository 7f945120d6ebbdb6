"""The journal: what a process recorded, in SQLite segments that survive a SIGKILL, and their reader."""

from loopscope_exporters.journal.exporter import JournalExporter
from loopscope_exporters.journal.folder import check_folder
from loopscope_exporters.journal.model import JournalError
from loopscope_exporters.journal.reader import Journal

__all__ = ["Journal", "JournalError", "JournalExporter", "check_folder"]
