"""Serves the explorer: Streamlit's page, our routes, one uvicorn."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

import streamlit as st
import uvicorn
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from streamlit import config

from loopscope_dashboard.explorer import launch as launching
from loopscope_dashboard.explorer.guard import Guard
from loopscope_dashboard.explorer.routes import routes

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from loopscope_dashboard.explorer.launch import Launch

GOODBYE = 2  # seconds for open connections when the explorer stops


def build(launch: Launch, hosts: Sequence[str]) -> st.App:
    """The application for one journal; it answers only requests that name one of ``hosts``."""
    launching.begin(launch)
    app = st.App(
        str(resources.files("loopscope_dashboard.explorer") / "page.py"),
        routes=routes(launch),
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts)), Middleware(Guard)],
    )
    config.set_option("server.allowedHosts", list(hosts))
    return app


def serve(app: st.App, listening: socket.socket) -> None:
    """Answer on a socket that already listens, until the process is told to stop."""
    settings = uvicorn.Config(
        app,
        log_level="warning",
        ws="websockets-sansio",
        lifespan="on",
        timeout_graceful_shutdown=GOODBYE,
    )
    uvicorn.Server(settings).run([listening])
