"""Flask: each request that it dispatches is a job, whichever server and thread it came through."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from loopscope.hooks.handlers import first_line
from loopscope.hooks.web import FAILED
from loopscope.jobs import JobContext
from loopscope.recorder import recorder
from loopscope.records import NOWHERE
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopscope.hooks.patching import Patches
    from loopscope.records import Place, RawPlace
    from loopscope.settings import Settings


def install(patches: Patches, _: Settings) -> None:
    patches.replace(sys.modules["flask.app"].Flask, "full_dispatch_request", _dispatching)


def _dispatching(original: Callable[..., Any]) -> Callable[..., Any]:
    def full_dispatch_request(self: Any, /, *args: Any, **options: Any) -> Any:
        try:
            name, site = _described(self)
            with JobContext(name, kind="http", site=site) as job:
                response = original(self, *args, **options)
                if response.status_code >= FAILED:
                    job.exception = f"HTTP {response.status_code}"
                return response
        except BaseException as error:
            step_out(error)
            raise

    return full_dispatch_request


def _described(app: Any) -> tuple[str, Place | RawPlace]:
    """Name and place: the rule's text names the job, a path with ids in it would be a name each."""
    try:
        request = sys.modules["flask.globals"].request
        rule = request.url_rule
        view = app.view_functions.get(request.endpoint)
        return f"{request.method} {rule.rule if rule is not None else '(unmatched)'}", first_line(view)
    except Exception:
        recorder.fault("flask")
        return "(unknown)", NOWHERE
