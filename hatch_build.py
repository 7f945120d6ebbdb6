"""Builds what is compiled while loopscope is installed; where there is no C compiler it goes on without."""

from __future__ import annotations

import platform
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from setuptools import Distribution, Extension

SOURCES = ("loopscope/hooks/_fast.c", "loopscope/_lookout.c")


class CompiledModules(BuildHookInterface[Any]):
    """Of an editable installation they lie beside their source, where Git does not look."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        self.folder = tempfile.mkdtemp(prefix="loopscope-")
        built = [self._build(Path(source), version, build_data) for source in SOURCES]
        if not all(built):
            self.app.display_warning(
                "loopscope: its compiled modules could not be built, for which a C compiler and Python's "
                "headers are needed; it works without them, and costs the service more"
            )

    def _build(self, source: Path, version: str, build_data: dict[str, Any]) -> bool:
        module = source.with_name(source.stem + str(sysconfig.get_config_var("EXT_SUFFIX")))
        root = Path(self.root) / "instrumentation"
        built = _compiled(root / source, Path(self.folder)) if _can_have_them() else None
        if version == "editable":
            (root / module).unlink(missing_ok=True)  # not written into: a running service may have it mapped
            if built is not None:
                shutil.copyfile(built, root / module)
        elif built is not None:
            build_data["force_include"][str(built)] = str(module)
            build_data["pure_python"] = False
            build_data["infer_tag"] = True
        return built is not None

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        shutil.rmtree(self.folder)


def _can_have_them() -> bool:
    """They read the clock as CPython does on Linux, and rely on its lock."""
    return (
        sys.platform == "linux"
        and platform.python_implementation() == "CPython"
        and not sysconfig.get_config_var("Py_GIL_DISABLED")
    )


def _compiled(source: Path, folder: Path) -> Path | None:
    """The module, compiled; None if that failed, and the compiler has said why."""
    extension = Extension(source.stem, [str(source)], optional=True, extra_compile_args=["-O2"])
    command = Distribution({"name": "loopscope", "ext_modules": [extension]}).get_command_obj("build_ext")
    command.build_lib = command.build_temp = str(folder)
    command.ensure_finalized()
    command.run()
    return next(folder.rglob(f"{source.stem}*.so"), None)
