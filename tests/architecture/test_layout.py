"""Where things stand: three roots, one distribution, nothing of a machine in a file."""

import ast
import re
import subprocess
import sys
from importlib import resources
from importlib.metadata import entry_points

import pytest

REGISTRIES = re.compile(
    r"pypi\.org|pythonhosted\.org|npmjs\.org|npmjs\.com|yarnpkg\.com|proxy\.golang\.org|index[-_]url|crates\.io"
)
MACHINE = re.compile(r"(?<![\w.$}/-])/(?:home|root|Users|work|tmp)/\w")
LONGEST_MODULE = 400
LONGEST_FUNCTION = 40


def lines_with(pattern, paths, root):
    """Where a pattern stands, as file:line."""
    found = []
    for path in paths:
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        numbered = enumerate(text.splitlines(), 1)
        found += [f"{path.relative_to(root)}:{number}" for number, line in numbered if pattern.search(line)]
    return found


def test_source_roots_are_no_packages(repository, source_roots):
    """A root holds one package and no __init__.py, so that nothing can be imported under two names."""
    for root, package in source_roots.items():
        assert not (repository / root / "__init__.py").exists()
        assert [entry.parent.name for entry in (repository / root).glob("*/__init__.py")] == [package]


def test_nobody_imports_through_a_source_root(modules, source_roots):
    """``import instrumentation.loopscope`` would be a second module, which would patch asyncio twice."""
    through = [
        f"{module}: {name}"
        for module in modules
        for name in module.imports
        if name.partition(".")[0] in source_roots
    ]
    assert through == []


def test_a_source_root_cannot_be_imported_where_loopscope_is_installed(tmp_path):
    """Outside of the repository there is no module of that name."""
    program = "import loopscope, importlib.util as u; print(u.find_spec('instrumentation'))"
    said = subprocess.check_output([sys.executable, "-P", "-c", program], cwd=tmp_path, text=True)
    assert said.strip() == "None"


def test_every_module_says_what_it_is_for(modules):
    """The first line of a module is its purpose; nothing to say is said by an empty file."""
    silent = [str(module) for module in modules if module.tree.body and not ast.get_docstring(module.tree)]
    assert silent == []


def test_modules_and_functions_stay_short(shipped):
    """What does not fit on a few screens is split before anybody has to scroll."""
    long = [str(m) for m in shipped if len(m.path.read_text().splitlines()) > LONGEST_MODULE]
    for module in shipped:
        functions = (
            node for node in ast.walk(module.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        )
        long += [f"{module}: {f.name}" for f in functions if _body_lines(f) > LONGEST_FUNCTION]
    assert long == []


def _body_lines(function):
    docstring = ast.get_docstring(function) is not None
    body = function.body[1:] if docstring else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def test_no_file_names_a_package_registry(all_files, repository):
    """Where packages come from is the machine's business."""
    assert lines_with(REGISTRIES, all_files, repository) == []


def test_no_file_names_a_place_on_one_machine(all_files, repository):
    """A path that exists on one desk only is a mistake on every other."""
    own = [path for path in all_files if path.suffix not in {".lock", ".svg"}]
    assert lines_with(MACHINE, own, repository) == []


def test_there_are_no_lock_files(all_files):
    """A lock file is full of addresses; a library is installed next to what its users have."""
    names = {"uv.lock", "poetry.lock", "Pipfile.lock", "package-lock.json", "yarn.lock", "pdm.lock"}
    assert [path.name for path in all_files if path.name in names] == []


def test_the_console_script_and_every_exporter_can_be_loaded():
    """What pyproject.toml promises by name is there."""
    (script,) = entry_points(group="console_scripts", name="loopscope")
    assert callable(script.load())
    exporters = {point.name: point.load() for point in entry_points(group="loopscope.exporters")}
    assert set(exporters) == {"journal", "prometheus", "spans"}
    for exporter in exporters.values():
        assert all(callable(getattr(exporter, method)) for method in ("start", "drain", "stop"))


@pytest.mark.parametrize("package", ["loopscope", "loopscope_exporters", "loopscope_dashboard"])
def test_packages_are_typed_for_their_users(package):
    """A type checker believes our annotations only where this marker stands."""
    assert resources.files(package).joinpath("py.typed").is_file()
