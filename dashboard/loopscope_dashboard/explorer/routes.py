"""The explorer's own routes: documents as JSON, and the components' files.

Streamlit carries what people choose; the numbers come from here, because a page's script may be busy.
"""

from __future__ import annotations

import json
import secrets
from importlib import resources
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from loopscope_dashboard.explorer.details import block_details, task_details
from loopscope_dashboard.explorer.findings import findings, findings_of
from loopscope_dashboard.explorer.listing import listing
from loopscope_dashboard.explorer.timeline import timeline, version_of
from loopscope_exporters.journal.model import JournalError

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from loopscope_dashboard.explorer.launch import Launch

TOKEN_HEADER = "X-Loopscope-Token"  # noqa: S105  the header's name, not a token

# Streamlit would compress whatever has no encoding: 40 ms for nothing on a loopback connection.
HEADERS = {"Cache-Control": "no-store", "Content-Encoding": "identity"}


def routes(launch: Launch) -> list[BaseRoute]:
    """Plain functions, so that Starlette runs each in a thread while the journal is read."""
    answer = _Answers(launch)
    static = str(resources.files("loopscope_dashboard.explorer") / "static")
    job = "/loopscope/api/jobs/{job:int}"
    return [
        Route("/loopscope/api/jobs", answer.guarded(answer.jobs)),
        Route("/loopscope/api/findings", answer.guarded(answer.findings)),
        Route(f"{job}/findings", answer.guarded(answer.findings_of)),
        Route(f"{job}/timeline", answer.guarded(answer.timeline)),
        Route(f"{job}/tasks/{{task:int}}", answer.guarded(answer.task)),
        Route(f"{job}/blocks/{{block:int}}", answer.guarded(answer.block)),
        Mount("/loopscope/static", StaticFiles(directory=static)),
    ]


class _Answers:
    def __init__(self, launch: Launch) -> None:
        self._launch = launch

    def guarded(self, answer: Callable[[Request], Response]) -> Callable[[Request], Response]:
        """With the page's token only, and a journal's trouble as a sentence."""

        def check(request: Request) -> Response:
            given = request.headers.get(TOKEN_HEADER, "")
            if not secrets.compare_digest(given.encode(), self._launch.token.encode()):
                return _json({"error": "this page is from an earlier start; reload it"}, 403)
            try:
                return answer(request)
            except JournalError as problem:
                return _json({"error": str(problem)}, 404)

        return check

    def jobs(self, request: Request) -> Response:
        document = listing(self._launch.reading.overview())
        return _unless_known(request, document["version"], lambda: document)

    def findings(self, request: Request) -> Response:
        document = findings(self._launch.reading.examining.all())
        return _unless_known(request, document["version"], lambda: document)

    def findings_of(self, request: Request) -> Response:
        reading = self._launch.reading
        history = reading.history(request.path_params["job"])
        document = findings_of(history.job, reading.examining.of(history.process))
        return _unless_known(request, document["version"], lambda: document)

    def timeline(self, request: Request) -> Response:
        history = self._launch.reading.history(request.path_params["job"])
        return _unless_known(request, version_of(history), lambda: timeline(history))

    def task(self, request: Request) -> Response:
        history = self._launch.reading.history(request.path_params["job"])
        return _found(task_details(history, request.path_params["task"]), "task")

    def block(self, request: Request) -> Response:
        history = self._launch.reading.history(request.path_params["job"])
        return _found(block_details(history, request.path_params["block"]), "block")


def _unless_known(request: Request, version: str, make: Callable[[], dict[str, Any]]) -> Response:
    if request.query_params.get("known") == version:
        return Response(status_code=204, headers=HEADERS)
    return _json(make())


def _found(document: dict[str, Any] | None, what: str) -> Response:
    if document is None:
        return _json({"error": f"this job has no such {what} (any more); reload the page"}, 404)
    return _json(document)


def _json(document: dict[str, Any], status: int = 200) -> Response:
    text = json.dumps(document, separators=(",", ":"))
    return Response(text, status, HEADERS, "application/json")
