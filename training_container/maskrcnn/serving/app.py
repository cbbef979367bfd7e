"""The web application: GET /ping and POST /invocations, as SageMaker asks of an inference container."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from app.contracts import documents
from app.contracts.prediction import Prediction, PredictionError
from app.contracts.settings import VerdictSettings
from maskrcnn import overlay
from maskrcnn.serving import images, request
from maskrcnn.serving.answer import SegmentationModel, answer
from maskrcnn.serving.errors import RequestError

log = logging.getLogger("castline.serve")

CUSTOM_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"


@dataclasses.dataclass(frozen=True)
class ServingOptions:
    """What a deployment may decide about the endpoint."""

    verdict: VerdictSettings = dataclasses.field(default_factory=VerdictSettings)
    model_version: str = ""
    """Shown in every answer; the model card's run id when empty."""
    max_body_bytes: int = 6_000_000
    """SageMaker's own limit for real-time endpoints is 6 MB."""
    max_pixels: int = images.MAX_PIXELS


class Endpoint:
    """Holds the model and answers requests, one prediction at a time.

    The model is loaded in the background, so that /ping answers from the first moment: 503 until the model is
    there (and with the reason when it cannot be loaded), 200 from then on.
    """

    def __init__(self, load: Callable[[], SegmentationModel], options: ServingOptions) -> None:
        self._load = load
        self._options = options
        self._model: SegmentationModel | None = None
        self._problem = "the model is still being loaded: try again in some seconds"
        self._one_at_a_time: anyio.CapacityLimiter

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """Load the model beside the running server."""
        self._one_at_a_time = anyio.CapacityLimiter(1)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.to_thread.run_sync, self._load_model)
            yield

    def _load_model(self) -> None:
        started = time.perf_counter()
        try:
            model = self._load()
            model.warm_up()
        except Exception as error:  # the server stays up to say why on /ping
            self._problem = f"the model cannot be loaded: {type(error).__name__}: {error}"
            log.exception("model not loaded")
            return
        self._model = model
        log.info("model %s is ready after %.1f s", model.card.run_id, time.perf_counter() - started)

    async def ping(self, _request: Request) -> Response:
        """Answer the health check: 200 when the model is loaded."""
        if self._model is None:
            return _error(RequestError(503, "model-not-ready", self._problem))
        return Response(status_code=200)

    async def invocations(self, incoming: Request) -> Response:
        """Answer one image; every failure of the request itself is a 4xx that says what to change."""
        started = time.perf_counter()
        entry: dict[str, Any] = {"path": incoming.url.path}
        try:
            response = await self._predict(incoming, entry)
        except RequestError as error:
            entry |= {"error": error.name, "message": str(error)}
            response = _error(error)
        entry |= {"status": response.status_code, "ms": round((time.perf_counter() - started) * 1000, 1)}
        log.info("%s", json.dumps(entry, sort_keys=True))
        return response

    async def _predict(self, incoming: Request, entry: dict[str, Any]) -> Response:
        kind = request.answer_type(incoming.headers.get("accept", ""))
        content = await self._read(incoming)
        entry["bytes"] = len(content)
        body = request.read_body(incoming.headers.get("content-type", ""), content)
        settings = request.thresholds(
            self._options.verdict,
            request.header_parameters(incoming.headers.get(CUSTOM_ATTRIBUTES, "")),
            dict(incoming.query_params),
            body.parameters,
        )
        if self._model is None:
            raise RequestError(503, "model-not-ready", self._problem)
        prediction, payload = await anyio.to_thread.run_sync(
            self._answer, self._model, body.image, settings, kind, limiter=self._one_at_a_time
        )
        entry |= {"instances": len(prediction.instances), "verdict": prediction.verdict.label}
        return Response(payload, media_type=kind)

    def _answer(
        self, model: SegmentationModel, encoded: bytes, settings: VerdictSettings, kind: str
    ) -> tuple[Prediction, bytes]:
        """Decode, predict and encode; runs in a thread of its own, so that /ping never waits."""
        image = images.decode(encoded, self._options.max_pixels)
        prediction = answer(model, image, settings, self._options.model_version)
        if kind == request.PNG:
            return prediction, overlay.to_png(overlay.draw_prediction(image, prediction))
        return prediction, documents.to_json(prediction).encode()

    async def _read(self, incoming: Request) -> bytes:
        """Read the body, giving up as soon as it is too large."""
        limit, content = self._options.max_body_bytes, bytearray()
        too_large = RequestError(
            413,
            "body-too-large",
            f"the body is larger than {limit} bytes: compress the image or scale it down",
        )
        declared = incoming.headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > limit:
            raise too_large
        try:
            async for chunk in incoming.stream():
                content += chunk
                if len(content) > limit:
                    raise too_large
        except ClientDisconnect as error:
            raise RequestError(400, "incomplete-body", "the connection closed before the body was complete") from error
        return bytes(content)


def _error(error: RequestError) -> Response:
    body = documents.to_json(PredictionError(error=error.name, message=str(error)))
    return Response(body, status_code=error.status, media_type=request.JSON)


async def _http_error(_request: Request, error: Exception) -> Response:
    """Unknown path or method, in the same JSON form as every other error."""
    if not isinstance(error, HTTPException):
        raise error
    name = {404: "unknown-path", 405: "wrong-method"}.get(error.status_code, "http-error")
    return _error(RequestError(error.status_code, name, "known are GET /ping and POST /invocations"))


async def _bug(_request: Request, error: Exception) -> Response:
    """A fault of ours; Starlette logs the trace after this answer."""
    return _error(RequestError(500, "internal", f"{type(error).__name__}: see the log of the endpoint"))


def create_app(load: Callable[[], SegmentationModel], options: ServingOptions | None = None) -> Starlette:
    """Build the web application.

    Args:
        load: Called once, in a thread, when the server starts.
        options: Thresholds and limits.
    """
    endpoint = Endpoint(load, options or ServingOptions())
    return Starlette(
        routes=[
            Route("/ping", endpoint.ping, methods=["GET"]),
            Route("/invocations", endpoint.invocations, methods=["POST"]),
        ],
        exception_handlers={HTTPException: _http_error, Exception: _bug},
        lifespan=endpoint.lifespan,
    )
