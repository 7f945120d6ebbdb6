"""`loopscope run`: a program that knows nothing of us, observed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
import urllib.request

import pytest

from loopscope_exporters.journal import Journal

PROGRAM = """
    import asyncio, sys, time
    def innermost(): time.sleep(0.3)
    async def step(slots):
        async with slots:
            await asyncio.sleep(0.02)
    async def main():
        slots = asyncio.Semaphore(1)
        await asyncio.gather(step(slots), step(slots))
        innermost()
    asyncio.run(main())
    print("the program's own output")
    sys.exit(7)
"""


def loopscope_run(journal, *command):
    return [sys.executable, "-m", "loopscope", "run", "--journal", str(journal), "--", *command]


@pytest.fixture
def run(tmp_path):
    """Start `loopscope run` on a program text, or on a command; gives the process."""
    started = []

    def start(text, *command):
        script = tmp_path / "program.py"
        script.write_text(textwrap.dedent(text))
        process = subprocess.Popen(
            loopscope_run(tmp_path / "journal", *(command or (sys.executable, str(script)))),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "LOOPSCOPE_METRICS_PORT": "-1"},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_output_and_exit_code_are_the_programs_and_the_journal_has_its_records(run, tmp_path):
    """Nothing on either stream that is not its own."""
    process = run(PROGRAM)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 7
    assert output == "the program's own output\n"
    assert errors == ""
    (observed,) = Journal(tmp_path / "journal").processes()
    assert (observed.pid, observed.state, observed.service) == (process.pid, "ended", "program")


def test_signals_reach_the_program_itself(run, tmp_path):
    """It is the program: same process id, killed by the very signal."""
    process = run("import asyncio\nprint('up', flush=True)\nasyncio.run(asyncio.sleep(60))")
    assert process.stdout.readline() == "up\n"
    deadline = time.monotonic() + 20
    while not Journal(tmp_path / "journal").processes():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == -signal.SIGTERM
    (observed,) = Journal(tmp_path / "journal").processes()
    assert observed.state == "died"


def test_child_processes_are_observed_too(run, tmp_path):
    """Also those that are started afresh."""
    child = "import asyncio; asyncio.run(asyncio.sleep(0.01))"
    process = run(
        f"import asyncio, subprocess, sys\nsubprocess.run([sys.executable, '-c', {child!r}], check=True)"
    )
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert len(Journal(tmp_path / "journal").processes()) == 2


def test_a_process_that_imports_ours_first_is_observed_too(run):
    """As a spawned pool's worker does, whose work we have marked."""
    output, errors = run("import loopscope.hooks\nprint(loopscope.snapshot().process.pid > 0)").communicate()
    assert (output, errors) == ("True\n", "")


def test_an_interpreter_that_has_no_loop_is_left_alone(run):
    """Loopscope is not even imported."""
    process = run("import sys\nprint([m for m in sys.modules if 'loopscope' in m])")
    output, errors = process.communicate(timeout=60)
    assert (output, errors) == ("[]\n", "")


def test_a_sub_interpreter_is_left_alone(run):
    """It shares the process with the one that is observed; asyncio in it works, and it can end."""
    process = run("""
        import asyncio, threading
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
        def use():
            inside = interpreters.create()
            interpreters.run_string(inside, "import asyncio, sys; assert 'loopscope' not in sys.modules")
            interpreters.destroy(inside)
        thread = threading.Thread(target=use)
        thread.start()
        thread.join()
        print("ended")
    """)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, errors) == (0, "ended\n", "")


def test_a_sitecustomize_of_the_users_own_still_runs(run, tmp_path, monkeypatch):
    """Ours stands before it on the path."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text("import builtins\nbuiltins.MARK = 'theirs'")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    process = run("import asyncio, sys\nprint(MARK, 'loopscope' in sys.modules)")
    output, errors = process.communicate(timeout=60)
    assert (output, errors) == ("theirs True\n", "")


def test_a_missing_program_is_a_sentence(run):
    """What is missing, and what to do."""
    process = run("", "no-such-program", "--flag")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert errors.startswith(
        "loopscope: there is no program 'no-such-program' on PATH or in this folder; check"
    )


def test_a_journal_that_is_a_file_stops_run_before_the_program(tmp_path):
    """The user is there to put it right."""
    file = tmp_path / "file"
    file.write_text("")
    command = loopscope_run(file, sys.executable, "-c", "print(1)")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"loopscope: the journal {file} is a file, expected a folder;")


def test_a_service_with_an_unusable_journal_and_a_taken_port_goes_on(tmp_path):
    """Two sentences on stderr, and the program's own result."""
    file = tmp_path / "file"
    file.write_text("")
    program = f"""
        import asyncio, socket, loopscope
        taken = socket.create_server(("127.0.0.1", 0))
        loopscope.instrument(journal={str(file)!r}, metrics_port=taken.getsockname()[1])
        async def main():
            await asyncio.sleep(0.3)
            return "served"
        print(asyncio.run(main()))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "served\n")
    assert f"the journal {file} is a file, expected a folder; set LOOPSCOPE_JOURNAL" in done.stderr
    assert "another program listens there; set LOOPSCOPE_METRICS_PORT" in done.stderr
    assert "Traceback" not in done.stderr


def test_metrics_answer_and_the_journal_names_the_line_while_the_loop_is_blocked(tmp_path):
    """`time.sleep(3)` inside a nested function: file, line and function, before it is over."""
    program = tmp_path / "blocked.py"
    program.write_text(
        textwrap.dedent(
            f"""
            import asyncio, time, loopscope
            handle = loopscope.instrument(journal={str(tmp_path / "journal")!r}, metrics_port=0)
            def innermost():
                time.sleep(3)
            def outer():
                innermost()
            async def main():
                with loopscope.job("upload"):
                    print(handle.exporter("prometheus").port, flush=True)
                    outer()
            asyncio.run(main())
            """
        )
    )
    process = subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True)
    with process:
        port = int(process.stdout.readline())
        time.sleep(1)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{port}/metrics", timeout=1) as answer:
            metrics = answer.read().decode()
        (job,) = Journal(tmp_path / "journal").jobs()
        (block,) = Journal(tmp_path / "journal").job(job.id).blocks
        assert process.poll() is None
        assert process.wait(timeout=20) == 0
    blocked = [line for line in metrics.splitlines() if line.startswith("loopscope_blocked_seconds_total{")]
    assert sum(float(line.split()[-1]) for line in blocked) > 0.5
    assert (block.culprit.file, block.culprit.line, block.culprit.function) == (str(program), 5, "innermost")
    assert block.call == "time.sleep(3)"
    (job,) = Journal(tmp_path / "journal").jobs()
    assert job.blocked >= 3
