"""What loopscope costs: ``python tests/benchmarks [--quick]`` prints ratios against bare asyncio.

Every measurement runs in a process of its own. A round runs all variants of a workload one after the
other, each round beginning with another one, and the services in turns; what counts is the ratio within a
round, so that a machine that grows slower or faster meanwhile does not decide.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import load
from results import Row, table
from variants import VARIANTS
from workloads import BATCH, WORKLOADS

if TYPE_CHECKING:
    from results import Round, Trial

HERE = Path(__file__).parent
PATIENCE = 300
REQUESTS = "requests"
NOTES = """\
Each cell: wall / processor time of all threads, an operation, against bare; 1.00 is free; median of {rounds}.
loopscope: journal and metrics. With spans: the same, and a span for each task, wait and work item.
OTel contrib: opentelemetry-instrumentation-asyncio with a span for each coroutine and function given to a
thread. All spans go to an exporter that only counts them.
* unfavourable: loopscope times every step, the contrib instrumentation does not see steps."""


def main() -> None:
    options = _options()
    rounds = options.rounds or (3 if options.quick else 7)
    names = options.only or (*WORKLOADS, REQUESTS)
    rows = {name: _row(name, rounds, quick=options.quick) for name in names}
    report = {
        "python": platform.python_version(),
        "rounds": rounds,
        "quick": options.quick,
        "driver": load.driver(),
        "rows": {name: row.as_json() for name, row in rows.items()},
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(report, indent=1))
    print(table(list(rows.values())))
    print()
    print(NOTES.format(rounds=rounds))
    print(f"Python {report['python']}; requests driven by {report['driver']}; all numbers: {options.json}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python tests/benchmarks", description="What loopscope costs.")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: under a minute")
    parser.add_argument("--rounds", type=int, help="how often to run everything (default: 7, quick: 3)")
    parser.add_argument("--only", action="append", choices=(*WORKLOADS, REQUESTS), help="may be repeated")
    parser.add_argument("--json", type=Path, default=Path("build/bench.json"), help="(default: %(default)s)")
    return parser.parse_args()


def _row(name: str, rounds: int, *, quick: bool) -> Row:
    print(f"{name} ...", file=sys.stderr, flush=True)
    seen = [_round(name, number, quick=quick) for number in range(rounds)]
    if name == REQUESTS:
        return Row("FastAPI request", seen, requests=True)
    return Row(WORKLOADS[name].title, seen, unfavourable=WORKLOADS[name].unfavourable)


def _round(name: str, number: int, *, quick: bool) -> Round:
    """One trial of each variant, in an order that turns with the round."""
    names = list(VARIANTS)
    turn = number % len(names)
    names = names[turn:] + names[:turn]
    if name == REQUESTS:
        return load.measure(names, *((1, 1) if quick else (4, 2)))
    return {variant: _trial(name, variant, quick=quick) for variant in names}


def _trial(name: str, variant: str, *, quick: bool) -> Trial:
    operations = WORKLOADS[name].operations
    if quick:
        operations = operations // 10 // BATCH * BATCH
    command = [sys.executable, str(HERE / "trial.py"), name, variant, str(operations)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=PATIENCE)
    trial: Trial = json.loads(done.stdout)
    return trial


if __name__ == "__main__":
    main()
