"""Routes that no AWS has: interrupt a training job, order faults and interference. The rest goes to ministack."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from app.embedded.interference import Interference, Order
from app.embedded.sagemaker.cloud import Cloud
from app.embedded.sagemaker.faults import Fault
from app.embedded.sagemaker.service import SageMaker

PREFIX = "/_castline"
Asgi = Callable[[Any, Any, Any], Awaitable[None]]


def routes(cloud: Cloud, service: SageMaker, interference: Interference) -> Starlette:
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

    async def clear_faults(_request: Request) -> JSONResponse:
        cloud.faults.clear()
        interference.clear()
        return JSONResponse({})

    async def interfere(request: Request) -> JSONResponse:
        try:
            interference.order(Order(**json.loads(await request.body())))
        except (TypeError, ValueError) as error:
            return JSONResponse({"message": str(error)}, 400)
        return await interfering(request)

    async def interfering(_request: Request) -> JSONResponse:
        return JSONResponse({"orders": len(interference.orders), "held": interference.held})

    return Starlette(routes=[
        Route(f"{PREFIX}/training-jobs/{{name}}/interrupt", interrupt, methods=["POST"]),
        Route(f"{PREFIX}/faults", order_fault, methods=["POST"]),
        Route(f"{PREFIX}/faults", clear_faults, methods=["DELETE"]),
        Route(f"{PREFIX}/interference", interfere, methods=["POST"]),
        Route(f"{PREFIX}/interference", interfering, methods=["GET"]),
    ])


def in_front_of(ministack: Asgi, admin: Asgi) -> Asgi:
    """An ASGI application that answers the admin routes and passes everything else on."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        ours = scope["type"] == "http" and scope["path"].startswith(PREFIX)
        await (admin if ours else ministack)(scope, receive, send)

    return application
