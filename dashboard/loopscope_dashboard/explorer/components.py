"""The explorer's own components. Their scripts are plain modules, loaded from our own route."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer


def component(name: str) -> ComponentRenderer:
    """The component whose files are static/<name>.html, .css and .js; the last exports ``mount``."""
    return st.components.v2.component(
        f"loopscope_{name}",
        html=_text(f"{name}.html"),
        css=_text("common.css") + _text("findings.css") + _text(f"{name}.css"),
        js=f"""
            export default async (component) => {{
              const address = new URL("loopscope/static/{name}.js", document.baseURI);
              return (await import(address.href)).mount(component);
            }};
        """,
    )


def _text(file: str) -> str:
    return (resources.files("loopscope_dashboard.explorer") / "static" / file).read_text("utf-8")
