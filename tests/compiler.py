"""Whether this machine can build the compiled hooks."""

import shutil
import sys
import sysconfig
from pathlib import Path


def can_compile() -> bool:
    header = Path(sysconfig.get_path("include"), "Python.h")
    return sys.platform == "linux" and header.exists() and shutil.which("cc") is not None
