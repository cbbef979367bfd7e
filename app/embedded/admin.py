"""Routes that no AWS has: interrupt a training job, order faults. Everything else goes to ministack."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from app.embedded.sagemaker.cloud import Cloud
from app.embedded.sagemaker.faults import Fault
from app.embedded.sagemaker.service import SageMaker

PREFIX = "/_castline"
Asgi = Callable[[Any, Any, Any], Awaitable[None]]


def routes(cloud: Cloud, service: SageMaker) -> Starlette:
    """The admin application."""

    async def interrupt(request: Request) -> JSONResponse:
        name = request.path_params["name"]
        record = cloud.store.get("TrainingJob", name)
        if record is None:
            return JSONResponse({"message": f"{name}: no such training job"}, 404)
        if not service.training.interrupt(record):
            return JSONResponse({"message": f"{name}: is not training on a spot instance now"}, 409)
        return JSONResponse({"interrupted": name})

    async def order_fault(request: Request) -> JSONResponse:
        try:
            fault = Fault(**json.loads(await request.body()))
        except (TypeError, ValueError) as error:
            return JSONResponse({"message": str(error)}, 400)
        cloud.faults.add(fault)
        return JSONResponse({"ordered": fault.kind})

    return Starlette(routes=[
        Route(f"{PREFIX}/training-jobs/{{name}}/interrupt", interrupt, methods=["POST"]),
        Route(f"{PREFIX}/faults", order_fault, methods=["POST"]),
    ])


def in_front_of(ministack: Asgi, admin: Asgi, on_ready: Callable[[], None], on_stop: Callable[[], None]) -> Asgi:
    """An ASGI application that answers the admin routes and passes everything else on.

    Args:
        ministack: The application behind.
        admin: The application of `routes`.
        on_ready: Called when ministack answers.
        on_stop: Called before ministack shuts down.
    """

    async def lifespan(scope: Any, receive: Any, send: Any) -> None:
        async def hear() -> Any:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                on_stop()
            return message

        async def say(message: Any) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                on_ready()

        await ministack(scope, hear, say)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await lifespan(scope, receive, send)
        elif scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await admin(scope, receive, send)
        else:
            await ministack(scope, receive, send)

    return application
