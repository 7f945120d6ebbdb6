"""Telling living, hung, ended and dead processes apart."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from loopscope_exporters.journal.liveness import boot_ticks, is_alive, process_state

SECOND = 1_000_000_000


def state(**changes):
    facts = {
        "host": os.uname().nodename,
        "pid": os.getpid(),
        "ticks": boot_ticks(os.getpid()),
        "heartbeat": 100 * SECOND,
        "ended": 0,
        "now": 100 * SECOND,
    }
    return process_state(**{**facts, **changes})


@pytest.fixture
def zombie():
    """A child that has ended and was not waited for, as after a kill by a parent that looks away."""
    child = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    ticks = boot_ticks(child.pid)
    child.stdout.read()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    yield child.pid, ticks
    child.stdout.close()
    child.wait()


def test_a_process_with_a_fresh_heartbeat_runs():
    """The usual case."""
    assert state() == "running"


def test_a_silent_process_that_lives_is_hung():
    """Five seconds without a heartbeat while the pid is there: even the pump thread gets no turn."""
    assert state(now=105 * SECOND) == "running"
    assert state(now=106 * SECOND) == "hung"


def test_a_goodbye_is_believed_whatever_the_pid_does():
    """The pid may be somebody else's by now."""
    assert state(ended=99 * SECOND) == "ended"


def test_a_reused_pid_is_not_our_process():
    """The kernel's start time tells a new process with an old pid apart."""
    assert state(ticks=boot_ticks(os.getpid()) + 1) == "died"


def test_a_zombie_is_dead(zombie):
    """A killed process whose parent has not fetched it keeps its pid and does nothing."""
    pid, ticks = zombie
    assert not is_alive(pid, ticks)
    assert state(pid=pid, ticks=ticks) == "died"


def test_without_proc_the_pid_alone_decides():
    """Where the kernel tells no start time, a signal that is not sent tells whether the pid is there."""
    assert is_alive(os.getpid(), ticks=0)
    assert not is_alive(2**22 + 1, ticks=0)


def test_of_another_host_only_the_heartbeat_is_known():
    """Its pids say nothing here."""
    assert state(host="elsewhere") == "running"
    assert state(host="elsewhere", now=130 * SECOND) == "hung"
    assert state(host="elsewhere", now=161 * SECOND) == "died"
