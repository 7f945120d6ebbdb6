"""aiohttp.web: each request is a job, named by the route that it matched."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from loopscope.context import current_job
from loopscope.hooks.handlers import rename
from loopscope.hooks.web import FAILED
from loopscope.jobs import JobContext
from loopscope.recorder import recorder
from loopscope.records import NOWHERE
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from loopscope.hooks.patching import Patches
    from loopscope.records import Job
    from loopscope.settings import Settings

APPLICATION, ROUTES = "aiohttp.web_app", "aiohttp.web_urldispatcher"
EXCEPTIONS = "aiohttp.web_exceptions"
UNMATCHED = "(unmatched)"


def install_application(patches: Patches, _: Settings) -> None:
    patches.replace(sys.modules[APPLICATION].Application, "_handle", _handling)


def install_routes(patches: Patches, _: Settings) -> None:
    patches.replace(sys.modules[ROUTES].UrlMappingMatchInfo, "add_app", _matching)


def _handling(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def _handle(self: Any, request: Any) -> Any:
        around = JobContext(f"{request.method} {UNMATCHED}", kind="http", site=NOWHERE)
        job = around.__enter__()
        try:
            response = await original(self, request)
        except BaseException as error:
            is_answer = isinstance(error, sys.modules[EXCEPTIONS].HTTPException)
            if is_answer:  # redirects and refusals are raised as well
                _note_status(job, error)
            around.__exit__(None, None if is_answer else error, None)
            step_out(error)
            raise
        _note_status(job, response)
        around.__exit__(None, None, None)
        return response

    return _handle


def _note_status(job: Job, response: Any) -> None:
    if getattr(response, "status", 0) >= FAILED:
        job.exception = f"HTTP {response.status}"


def _matching(original: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """Aiohttp calls it when the route of a request is found, inside the request's own handling."""

    def add_app(self: Any, app: Any) -> None:
        try:
            original(self, app)
        except BaseException as error:
            step_out(error)
            raise
        try:
            job = current_job()
            if job is not None and job.kind == "http" and job.name.endswith(UNMATCHED):
                method = job.name.partition(" ")[0]
                resource = getattr(self.route, "resource", None)
                if resource is not None:
                    rename(job, f"{method} {resource.canonical}", self.handler)
        except Exception:
            recorder.fault("route")

    return add_app
