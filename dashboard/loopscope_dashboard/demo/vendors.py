"""The outside world, in a process of its own: the speech model, the image host and the cover critic.

Run alone: ``python -m loopscope_dashboard.demo.vendors``.
"""

import asyncio
import math
from array import array

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel

from loopscope_dashboard.demo.serving import read_arguments, serve

SAMPLE_RATE = 8_000
CHARACTERS_PER_SECOND = 15  # that a voice reads
MODEL_PER_SECOND = 150  # characters that the model turns into sound
UPLOAD_SECONDS = 0.8
CRITIC_SECONDS = 0.4
TONE = array("h", (int(9_000 * math.sin(n / 7) * math.sin(n / 900)) for n in range(SAMPLE_RATE))).tobytes()


class Line(BaseModel):
    """A text to speak."""

    text: str


def create_app() -> FastAPI:
    app = FastAPI(title="vendors")

    @app.post("/v1/speech")
    async def speak(line: Line) -> Response:
        await asyncio.sleep(0.3 + len(line.text) / MODEL_PER_SECOND)
        seconds = math.ceil(len(line.text) / CHARACTERS_PER_SECOND)
        return Response(TONE * seconds, media_type="audio/L16")

    @app.post("/v1/images")
    async def host_image(request: Request) -> dict[str, int]:
        size = len(await request.body())
        await asyncio.sleep(UPLOAD_SECONDS)
        return {"bytes": size}

    @app.post("/v1/critic")
    async def criticise() -> dict[str, int]:
        await asyncio.sleep(CRITIC_SECONDS)
        return {"stars": 4}

    return app


if __name__ == "__main__":
    serve("loopscope_dashboard.demo.vendors:create_app", read_arguments(__doc__).port)
