"""``POST /ailments/NAME`` plants an ailment; it goes on in the background."""

from fastapi import APIRouter, BackgroundTasks, HTTPException

from loopscope_dashboard.demo.ailments import AILMENTS


def router(vendors: str) -> APIRouter:
    """The endpoint, for a service whose vendors live at that address."""
    routes = APIRouter()
    by_name = {ailment.name: ailment for ailment in AILMENTS}

    @routes.post("/ailments/{name}", status_code=202)
    async def plant(name: str, background: BackgroundTasks) -> dict[str, str]:
        if name not in by_name:
            raise HTTPException(404, f"no ailment {name!r}; expected one of {', '.join(by_name)}")
        background.add_task(by_name[name].catch, vendors)
        return {"planted": name}

    return routes
