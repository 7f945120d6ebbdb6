"""The page that Streamlit runs: the list of jobs, or with ``?job=ID`` the timeline of one."""

from importlib import resources

import streamlit as st

from loopscope_dashboard.explorer.components import component
from loopscope_dashboard.explorer.launch import current

ICON = resources.files("loopscope_dashboard.explorer") / "static" / "icon.svg"

st.set_page_config(page_title="loopscope", page_icon=str(ICON), layout="wide")


def show_jobs(token: str) -> None:
    opened = component("jobs")(data={"token": token}, key="jobs", on_job_change=lambda: None).job
    if opened:
        st.query_params["job"] = opened
        st.rerun()


def show_job(token: str, job: str) -> None:
    asked = component("timeline")(
        data={"token": token, "job": job}, key=f"timeline-{job}", on_leave_change=lambda: None
    ).leave
    if asked:
        st.query_params.clear()
        st.rerun()


job = st.query_params.get("job", "")
if job.isdecimal():
    show_job(current().token, job)
else:
    show_jobs(current().token)
