"""`loopscope tree`: what each task of a process waits for, running or at the moment it died."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from loopscope_dashboard.await_tree import AwaitTree
from loopscope_dashboard.journal_path import whom
from loopscope_dashboard.words import counted, moment
from loopscope_exporters.journal.reader import Journal

if TYPE_CHECKING:
    import argparse

    from loopscope.diagnosis.case import Case


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("tree", help="show who waits for whom in a process, also in a dead one")
    parser.add_argument(
        "journal", nargs="?", metavar="PID|JOURNAL", help="process, folder or segment (LOOPSCOPE_JOURNAL)"
    )


def main(args: argparse.Namespace) -> int:
    path, pid = whom(args.journal)
    journal = Journal(path)
    cases = journal.cases(pid)
    print("\n\n".join(as_text(case) for case in cases) or f"no process has written to {path} yet")
    for problem in journal.problems:
        print(f"loopscope: {problem}", file=sys.stderr)
    return 0


def as_text(case: Case) -> str:
    process, tasks = case.process, counted(len(case.tasks), "open task")
    head = f"{process.service}, pid {process.pid}, {case.state}, {tasks} at {moment(case.wall(case.at))}"
    return "\n".join([head, *AwaitTree(case).lines()])
