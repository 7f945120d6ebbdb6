"""Starlette and FastAPI: each HTTP request is a job, each background task after its response another."""

from __future__ import annotations

import functools
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from loopscope import places
from loopscope.hooks import compiled
from loopscope.jobs import JobContext, close
from loopscope.recorder import recorder
from loopscope.records import NOWHERE, Job
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractContextManager

    from loopscope.hooks.patching import Patches
    from loopscope.settings import Settings

    _Send = Callable[[Any], Awaitable[None]]

JOB = "loopscope.job"  # in the ASGI scope
_SITE = "_loopscope_site"  # on a background task
FAILED = 500  # HTTP status from which a request's job has failed
_NO_ROUTE = Job(
    0, " (unmatched)", "", "http", 0, 0, NOWHERE, 0, thin=True
)  # of which thin requests' are copies


def install_applications(patches: Patches, _: Settings) -> None:
    patches.replace(sys.modules["starlette.applications"].Starlette, "__call__", serving)


def install_routing(patches: Patches, settings: Settings) -> None:
    patches.replace(sys.modules["starlette.routing"].Route, "handle", _routing(settings))


def install_fastapi_routing(patches: Patches, settings: Settings) -> None:
    route = sys.modules["fastapi.routing"].APIRoute
    if "handle" in vars(route):
        patches.replace(route, "handle", _routing(settings))


def install_background(patches: Patches, _: Settings) -> None:
    background = sys.modules["starlette.background"].BackgroundTask
    patches.replace(background, "__init__", _noting_creation)
    patches.replace(background, "__call__", _following_up)


def serving(original: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    open_thin = compiled.requests(recorder.settings, (_NO_ROUTE, JOB, close, _sending, FAILED))

    async def __call__(self: Any, scope: Any, receive: Any, send: Any) -> None:  # noqa: N807
        try:
            if scope["type"] != "http" or JOB in scope:
                return await original(self, scope, receive, send)
            with open_thin(scope, send) or _opened(scope, send) as send_on:
                return await original(self, scope, receive, send_on)
        except BaseException as error:
            step_out(error)
            raise

    return __call__


def _opened(scope: Any, send: _Send) -> AbstractContextManager[_Send]:
    try:
        return _Request(scope, send)
    except Exception:
        recorder.fault("request")
        return nullcontext(send)


class _Request(JobContext):
    """The job of a request, which ends with the last byte of its response, not with what runs after it.

    A failed request's ends when the application is through, since the exception comes after the response.
    """

    __slots__ = ("_scope", "_send")

    def __init__(self, scope: Any, send: _Send) -> None:
        super().__init__(f"{scope['method']}{_NO_ROUTE.name}", kind="http", site=NOWHERE)
        self._scope = scope
        self._send = send

    def __enter__(self) -> Any:
        job = self._scope[JOB] = super().__enter__()
        return functools.partial(_sending, self._send, job)


async def _sending(send: _Send, job: Job, message: Any) -> None:
    try:
        await send(message)
    except BaseException as error:
        step_out(error)
        raise
    try:
        kind = message["type"]
        if job.ended:  # the application is through
            return
        if kind == "http.response.body":
            if not (message.get("more_body", False) or job.exception):
                close(job, None)
        elif kind == "http.response.start" and message["status"] >= FAILED:
            job.exception = f"HTTP {message['status']}"
    except Exception:
        recorder.fault("response")


def _routing(settings: Settings) -> Callable[..., Callable[..., Awaitable[None]]]:
    """The route's template names the job: paths with ids in them would be a name each."""
    name = compiled.naming(settings, JOB, _name_after_route)

    def make(original: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        async def handle(self: Any, scope: Any, receive: Any, send: Any) -> None:
            try:
                name(self, scope)
                return await original(self, scope, receive, send)
            except BaseException as error:
                step_out(error)
                raise

        return compiled.leading(settings, name, original) or handle

    return make


def _name_after_route(route: Any, scope: Any, receive: Any = None, send: Any = None) -> None:  # noqa: ARG001  as `handle`
    try:
        job, code = scope.get(JOB), route.endpoint.__code__
        if job is None or (job.site is not NOWHERE and job.site[0] is code):  # FastAPI calls Starlette
            return
        job.name = f"{scope['method']} {scope.get('root_path', '')}{_template(route, scope)}"
        job.site = code, 0
    except AttributeError:  # an endpoint that is an object, or a route of another make
        pass
    except Exception:
        recorder.fault("route")


def _template(route: Any, scope: Any) -> str:
    """The path with its parameters' names; FastAPI keeps an included router's prefix beside the route."""
    fastapi = sys.modules.get("fastapi.routing")
    find = getattr(fastapi, "_get_scope_effective_route_context", None)
    included = find(scope) if find is not None else None
    return str(getattr(included, "path_format", None) or route.path)


def _noting_creation(original: Callable[..., None]) -> Callable[..., None]:
    """The line that adds a background task says more than the one in the framework that calls it."""

    def __init__(self: Any, *args: Any, **options: Any) -> None:  # noqa: N807
        try:
            original(self, *args, **options)
        except BaseException as error:
            step_out(error)
            raise
        try:
            setattr(self, _SITE, places.note_creation(sys._getframe(1)))
        except Exception:
            recorder.fault("background task")

    return __init__


def _following_up(original: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """`BackgroundTasks` is a `BackgroundTask` of its own making and calls each of its tasks through here."""

    async def __call__(self: Any) -> None:  # noqa: N807
        function = getattr(self, "func", None)
        try:
            if function is None:
                return await original(self)
            name = getattr(function, "__name__", type(function).__name__)
            with JobContext(name, kind="background", site=getattr(self, _SITE, None) or NOWHERE):
                return await original(self)
        except BaseException as error:
            step_out(error)
            raise

    return __call__
