"""The mutation check renames all that belongs to a program, and nothing that a library knows."""

import importlib
import json
import subprocess
import sys

import pytest

APP = """\
import asyncio
import json
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler

import desk
from speech import Client


class Handler(BaseHTTPRequestHandler):
    timeout = 3

    def do_GET(self) -> None:
        self.send_error(404, message="none")


@dataclass
class Chunk:
    number: int
    voice: str = "low"

    def close(self) -> str:
        return WORDS


async def produce(client: Client, state: dict) -> list:
    loose = state["chunk"]
    kept = [await client.send(chunk=one) for one in (Chunk(number=1), loose)]
    task = asyncio.create_task(asyncio.sleep(0, result=loose.number), name="producer-of-chunks")
    return [*kept, await task, loose.close()]


def main() -> None:
    state = {"chunk": Chunk(2, voice="high")}
    try:
        print(json.dumps(asyncio.run(produce(desk.made, state))))
    except OSError as error:
        print(error)


main()
"""
SPEECH = """\
class Client:
    def __init__(self, *, limit: int) -> None:
        self.limit = limit
        self.text = str(limit)

    async def send(self, chunk) -> str:
        return self.text.join([chunk.voice, chunk.close()])
"""
DESK = "from speech import Client\n\nmade = Client(limit=3)\n"
# Before Python 3.12 nobody knows where in an f-string names stand.
NEW = sys.version_info >= (3, 12)
WORDS = 'f"{self.voice} {self.number!r:>3}"' if NEW else '"%s %3r" % (self.voice, self.number)'
SAID = '["low3low   1", "high3high   2", 2, "high   2"]'
TRUTH = {
    "kind": "convoy",
    "explain": "send waits",
    "culprit": {"file": "speech.py", "function": "Client.send", "line": 7, "token": "return"},
}


@pytest.fixture
def mutated(tmp_path, repository, monkeypatch):
    """A case before and after: its folder, and the texts of its modules by old name."""
    monkeypatch.syspath_prepend(repository / "tools")
    case = tmp_path / "case"
    case.mkdir()
    (tmp_path / "scratch").mkdir()
    for name, text in (("app", APP), ("speech", SPEECH), ("desk", DESK)):
        (case / f"{name}.py").write_text(text.replace("WORDS", WORDS))
    (case / "truth.json").write_text(json.dumps(TRUTH))
    importlib.import_module("mutation").rename_case(case, tmp_path / "scratch")
    yield case
    for name in ("mutation", "ownership", "renaming", "receivers", "corpus", "score"):
        sys.modules.pop(name, None)


def test_the_program_does_what_it_did(mutated):
    """Overridden methods, keywords of libraries, keys of texts and words in texts are as they were."""
    ran = subprocess.run([sys.executable, mutated / "app.py"], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == SAID


def test_nothing_of_its_own_keeps_its_name(mutated):
    """Functions, classes, methods, attributes, arguments, variables, modules and labels."""
    text = "\n".join(path.read_text() for path in mutated.glob("*.py"))
    own = (
        "Chunk",
        "Client",
        "produce",
        "client",
        "limit",
        "voice",
        "number",
        "kept",
        "made",
        "desk",
        "speech",
    )
    assert [name for name in own if f" {name}" in text or f".{name}" in text or f"({name}" in text] == []
    assert "producer" not in text
    assert "do_GET" in text
    assert "timeout" in text


def test_the_truth_speaks_of_the_new_names_and_the_old_lines(mutated):
    """What is told to people stays."""
    truth = json.loads((mutated / "truth.json").read_text())
    culprit = truth["culprit"]
    lines = (mutated / culprit["file"]).read_text().splitlines()
    assert culprit["line"] == TRUTH["culprit"]["line"]
    assert lines[culprit["line"] - 1].strip() == culprit["token"]
    assert f"async def {culprit['function']}(" in lines[culprit["line"] - 2]
    assert truth["explain"] == TRUTH["explain"]
