"""loopscope: what each job of an async Python service does, what it waits for, and which line is to blame.

import loopscope
loopscope.instrument()
"""

from loopscope.jobs import job
from loopscope.logs import processor
from loopscope.runtime import Handle, diagnose, instrument, snapshot, uninstrument
from loopscope.settings import Settings, SettingsError

__all__ = [
    "Handle",
    "Settings",
    "SettingsError",
    "diagnose",
    "instrument",
    "job",
    "processor",
    "snapshot",
    "uninstrument",
]
