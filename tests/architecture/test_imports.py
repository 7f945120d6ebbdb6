"""Who may import whom; linters see the layers, these tests see what a service pays and needs."""

import json
import subprocess
import sys

CORE_MAY_USE = {"loopscope", "opentelemetry", "prometheus_client", "structlog"}
STARTUP = {"sitecustomize"}  # the user's own, which ours must not hide
HEAVY = (
    "opentelemetry",
    "streamlit",
    "numpy",
    "pandas",
    "duckdb",
    "uvicorn",
    "fastapi",
    "starlette",
    "httpx",
)
IMPORTS_CHANGE_NOTHING = """
import asyncio, concurrent.futures, threading

def seen():
    return (
        asyncio.Semaphore.acquire, asyncio.BaseEventLoop.create_task, asyncio.events.Handle._run,
        concurrent.futures.ThreadPoolExecutor.submit, threading.active_count(),
    )

before = seen()
import loopscope, loopscope_exporters, loopscope_dashboard
assert seen() == before
"""
STANDARD = sys.stdlib_module_names


def loaded_by(program):
    """The top-level modules and the full names that a fresh interpreter holds after a program."""
    report = f"{program}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    said = subprocess.check_output([sys.executable, "-c", report], text=True)
    return set(json.loads(said.splitlines()[-1]))


def test_the_core_needs_only_what_a_service_can_afford(shipped):
    """The standard library and the three light packages; also where the import stands inside a function."""
    strangers = [
        f"{module}: {name}"
        for module in shipped
        if module.root == "instrumentation"
        for name in module.imports
        if name.partition(".")[0] not in STANDARD | CORE_MAY_USE | STARTUP
    ]
    assert strangers == []


def test_importing_loopscope_is_light():
    """No web framework, no numbers, no OpenTelemetry: they are loaded when something needs them."""
    names = loaded_by("import loopscope")
    assert [name for name in HEAVY if name in names] == []


def test_a_service_without_spans_never_loads_the_opentelemetry_sdk(tmp_path):
    """Journal and metrics do without it, so a service that wants only these does not pay for it."""
    names = loaded_by(
        f"import loopscope\n"
        f"handle = loopscope.instrument(journal={str(tmp_path)!r}, metrics_port=0, spans='off')\n"
        f"assert handle.exporter('journal') is not None\n"
        f"loopscope.uninstrument()"
    )
    assert "opentelemetry.sdk" not in names
    assert "streamlit" not in names


def test_importing_loopscope_changes_nothing():
    """Patching is what `instrument()` does, and only that."""
    subprocess.run([sys.executable, "-c", IMPORTS_CHANGE_NOTHING], check=True)


def test_a_program_may_run_with_warnings_as_errors():
    """Importing us warns of nothing."""
    subprocess.run([sys.executable, "-W", "error", "-c", "import loopscope"], check=True)
