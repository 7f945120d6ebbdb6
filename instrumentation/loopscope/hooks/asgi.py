"""ASGI servers: a request to an application of no framework we know is a job, named by the application.

Starlette, FastAPI and Quart open the job of a request themselves, if the server's hook has not done it.
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any

from loopscope.hooks.handlers import rename
from loopscope.hooks.web import JOB, serving
from loopscope.recorder import recorder
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from loopscope.hooks.patching import Patches
    from loopscope.settings import Settings

MIDDLEWARES = 20  # looked through for an application that opens its own jobs
FRAMEWORKS = frozenset({"starlette", "fastapi", "quart", "flask"})


def install_uvicorn(patches: Patches, _: Settings) -> None:
    patches.replace(sys.modules["uvicorn.config"].Config, "load", _loading)


def install_hypercorn(patches: Patches, _: Settings) -> None:
    patches.replace(sys.modules["hypercorn.app_wrappers"].ASGIWrapper, "__init__", _wrapping)


def install_quart(patches: Patches, _: Settings) -> None:
    quart = sys.modules["quart.app"].Quart
    patches.replace(quart, "__call__", serving)
    patches.replace(quart, "dispatch_request", _dispatching)


def _loading(original: Callable[[Any], None]) -> Callable[[Any], None]:
    def load(self: Any) -> None:
        try:
            original(self)
        except BaseException as error:
            step_out(error)
            raise
        self.loaded_app = _with_jobs(self.loaded_app)

    return load


def _wrapping(original: Callable[..., None]) -> Callable[..., None]:
    def __init__(self: Any, app: Any, /, *args: Any, **options: Any) -> None:  # noqa: N807
        try:
            original(self, _with_jobs(app), *args, **options)
        except BaseException as error:
            step_out(error)
            raise

    return __init__


def _with_jobs(app: Any) -> Any:
    """The application as the server is to call it; unchanged where it opens its own jobs."""
    try:
        inner = _innermost(app)
        if type(inner).__module__.partition(".")[0] in FRAMEWORKS or _opens_jobs(inner):
            return app
        name = getattr(inner, "__qualname__", "") or type(inner).__qualname__
        return functools.partial(serving(_calling), _Named(app, name, inner))
    except Exception:
        recorder.fault("asgi")
        return app


def _innermost(app: Any) -> Any:
    """The application inside its middlewares, which keep it under this name by custom."""
    for _ in range(MIDDLEWARES):
        inner = getattr(app, "app", None)
        if inner is None:
            break
        app = inner
    return app


def _opens_jobs(app: Any) -> bool:
    return hasattr(type(app).__call__, "__loopscope_original__")


class _Named:
    """An application, and what its jobs are called."""

    __slots__ = ("app", "inner", "name")

    def __init__(self, app: Any, name: str, inner: Any) -> None:
        self.app = app
        self.name = name
        self.inner = inner


async def _calling(named: _Named, scope: Any, receive: Any, send: Any) -> None:
    job = scope.get(JOB)
    if job is not None:
        rename(job, f"{scope['method']} {named.name}", named.inner)
    try:
        await named.app(scope, receive, send)
    except BaseException as error:
        step_out(error)
        raise


def _dispatching(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Quart: the rule's text names the job."""

    async def dispatch_request(self: Any, /, *args: Any, **options: Any) -> Any:
        try:
            _name_after_rule(self)
            return await original(self, *args, **options)
        except BaseException as error:
            step_out(error)
            raise

    return dispatch_request


def _name_after_rule(app: Any) -> None:
    try:
        request = sys.modules["quart.globals"].request
        if request.url_rule is not None:
            view = app.view_functions.get(request.endpoint)
            rename(request.scope.get(JOB), f"{request.method} {request.url_rule.rule}", view)
    except Exception:
        recorder.fault("quart")
