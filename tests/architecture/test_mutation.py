"""The mutation check renames what a program alone knows, and leaves everything else as it is."""

import ast
import importlib.util
import sys

import pytest

PROGRAM = """\
import asyncio
from http.server import HTTPServer
from service import speak

class Desk(HTTPServer):
    limit = 3
    def handle(self, answer, *, voice):
        return speak(answer, voice=voice)

async def produce(chunk):
    count = chunk + len("of a word")
    await asyncio.sleep(count)
"""


@pytest.fixture
def mutation(repository, monkeypatch):
    """The tool, which is a script and no module of a package."""
    monkeypatch.syspath_prepend(repository / "tools")
    spec = importlib.util.spec_from_file_location("mutation", repository / "tools" / "mutation.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.modules.pop("score", None)


def test_only_a_programs_own_names_change(mutation):
    """Methods, keywords, attributes, imports and words of texts are known to others."""
    names = mutation.own_names([ast.parse(PROGRAM)], {"service"})
    assert names == {"Desk", "self", "answer", "produce", "chunk", "count"}
    text = mutation.renamed(PROGRAM, {"chunk": "n1", "count": "n2", "produce": "n3"})
    assert text.splitlines()[9:] == [
        "async def n3(n1):",
        '    n2 = n1 + len("of a word")',
        "    await asyncio.sleep(n2)",
    ]


def test_the_truth_speaks_of_the_new_names(mutation):
    """Of functions, victims and lines; what is told to people stays."""
    truth = {"kind": "convoy", "explain": "produce waits", "culprit": {"function": "produce.<locals>.inner"}}
    assert mutation.in_words(truth, {"produce": "n3", "convoy": "n4"}) == {
        **truth,
        "culprit": {"function": "n3.<locals>.inner"},
    }
