"""Builds the compiled hooks while loopscope is installed; where there is no C compiler it goes on without."""

from __future__ import annotations

import platform
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from setuptools import Distribution, Extension

FOLDER = "instrumentation/loopscope/hooks"
MODULE = "loopscope.hooks._fast"


class CompiledHooks(BuildHookInterface[Any]):
    """Of an editable installation they lie beside their source, where Git does not look."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        name = "_fast" + str(sysconfig.get_config_var("EXT_SUFFIX"))
        target = Path(self.root) / FOLDER / name
        with tempfile.TemporaryDirectory() as folder:
            built = _build(Path(self.root) / FOLDER / "_fast.c", Path(folder)) if _can_have_them() else None
            if built is None:
                target.unlink(missing_ok=True)
                self.app.display_warning(
                    "loopscope: its compiled hooks could not be built, for which a C compiler and Python's "
                    "headers are needed; it works without them, and costs the service more"
                )
                return
            target.unlink(missing_ok=True)  # not written into: a running service may have it mapped
            target.write_bytes(built.read_bytes())
        if version != "editable":
            build_data["force_include"][str(target)] = f"loopscope/hooks/{name}"
            build_data["pure_python"] = False
            build_data["infer_tag"] = True


def _can_have_them() -> bool:
    """They read the clock as CPython does on Linux, and rely on its lock."""
    return (
        sys.platform == "linux"
        and platform.python_implementation() == "CPython"
        and not sysconfig.get_config_var("Py_GIL_DISABLED")
    )


def _build(source: Path, folder: Path) -> Path | None:
    """The module, compiled; None if that failed, and the compiler has said why."""
    extension = Extension(MODULE, [str(source)], optional=True, extra_compile_args=["-O2"])
    command = Distribution({"name": "loopscope", "ext_modules": [extension]}).get_command_obj("build_ext")
    command.build_lib = command.build_temp = str(folder)
    command.ensure_finalized()
    command.run()
    return next(folder.rglob("_fast*.so"), None)
