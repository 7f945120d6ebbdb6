"""The wheel: what a user gets is what stands here."""

import subprocess
import sys
import sysconfig
import zipfile

import pytest

DATA = {".sql", ".js", ".css", ".html", ".toml", ".svg", ".typed"}


@pytest.fixture(scope="module")
def wheel_names(repository, tmp_path_factory):
    """The names in a wheel that is built the way pip builds it, without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--no-index", f"--wheel-dir={folder}", str(repository)], check=True)
    (wheel,) = folder.glob("loopscope-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_every_module_and_every_data_file(wheel_names, all_files, repository, source_roots):
    """Modules, queries, scripts, styles, settings and type markers, each under its package's name."""
    wanted = set()
    for root in source_roots:
        inside = [path for path in all_files if path.is_relative_to(repository / root)]
        wanted |= {
            str(path.relative_to(repository / root)) for path in inside if path.suffix in DATA | {".py"}
        }
    assert wanted - wheel_names == set()


def test_the_wheel_holds_nothing_else(wheel_names, source_roots):
    """No tests, no source roots, no leftovers: three packages and what packaging adds."""
    tops = {name.partition("/")[0] for name in wheel_names}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(source_roots.values())


def test_the_wheel_carries_what_is_compiled(wheel_names):
    """On Linux; elsewhere it is a wheel for any interpreter."""
    ending = sysconfig.get_config_var("EXT_SUFFIX")
    compiled = {"loopscope/hooks/_fast" + ending, "loopscope/_lookout" + ending}
    assert compiled & wheel_names == (compiled if sys.platform == "linux" else set())


def test_the_wheel_carries_the_licence(wheel_names):
    """Whoever gets the code gets its terms."""
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in wheel_names)
