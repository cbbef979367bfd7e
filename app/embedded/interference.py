"""Interference with single requests, on order: their caller dies before or after them, they wait, or are refused.

What a cloud does between two calls of a function cannot be ordered from outside of it; every call of the Lambdas,
the jobs and the local SageMaker passes here. For tests only: nothing is ordered unless somebody posts an order.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any, Literal, get_args

import psutil

Action = Literal["kill-before", "kill-after", "hold", "refuse"]
Asgi = Callable[[Any, Any, Any], Awaitable[None]]
MAX_HOLD_SECONDS = 60.0
UNAVAILABLE = "ServiceUnavailable"


@dataclasses.dataclass(frozen=True)
class Order:
    """What happens to the next `times` requests that match, after `skip` of them."""

    action: Action
    """kill-before, kill-after: the calling Lambda dies before or after the call took effect, without an answer;
    hold: the call waits until it is released; refuse: it is answered with an error."""
    request: str
    """Regular expression, searched in `METHOD /path x-amz-target`."""
    function: str = ""
    """Regular expression, searched in the calling function's name; empty: whoever calls."""
    times: int = 1
    skip: int = 0
    error: str = UNAVAILABLE
    """Code of the error of a refusal; any but the default is the caller's fault: status 400 instead of 503."""

    def __post_init__(self) -> None:
        if self.action not in get_args(Action):
            raise ValueError(f"action = {self.action!r}: must be one of {', '.join(get_args(Action))}")
        if self.action.startswith("kill") and not self.function:
            raise ValueError("function: name the function that dies, as a regular expression")
        if self.times < 1 or self.skip < 0:
            raise ValueError(f"times = {self.times}, skip = {self.skip}: must be at least 1 and 0")
        re.compile(self.request), re.compile(self.function)


class Interference:
    """Stands in front of an ASGI application and carries out orders.

    Args:
        application: What answers the requests.
        find_caller: Takes the port of a client; answers (process id, function name), or None when it is no Lambda.
    """

    def __init__(self, application: Asgi, find_caller: Callable[[int], tuple[int, str] | None]) -> None:
        self._application = application
        self._find_caller = find_caller
        self._orders: list[Order] = []
        self._released = asyncio.Event()
        self.held = 0
        """How many requests wait now."""

    @property
    def orders(self) -> list[Order]:
        """Those that are not used up."""
        return list(self._orders)

    def order(self, order: Order) -> None:
        """Add an order; the first that matches a request is carried out."""
        self._orders.append(order)

    def clear(self) -> None:
        """Forget all orders and release what is held."""
        self._orders.clear()
        self._released.set()
        self._released = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        order, process_id = await self._matching(scope) if self._orders and scope["type"] == "http" else (None, 0)
        if order is None:
            await self._application(scope, receive, send)
        elif order.action == "refuse":
            await self._refuse(order.error, send)
        elif order.action == "hold":
            await self._hold()
            await self._application(scope, receive, send)
        else:
            if order.action == "kill-after":
                await self._application(scope, receive, _nowhere)
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(process_id).kill()

    async def _refuse(self, error: str, send: Any) -> None:
        body = json.dumps({"__type": error, "message": f"{error}: refused by order"}).encode()
        await send({"type": "http.response.start", "status": 503 if error == UNAVAILABLE else 400, "headers": []})
        await send({"type": "http.response.body", "body": body})

    async def _hold(self) -> None:
        self.held += 1
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._released.wait(), MAX_HOLD_SECONDS)
        self.held -= 1

    async def _matching(self, scope: Any) -> tuple[Order | None, int]:
        """Use up the first order that matches; with the caller's process id."""
        target = next((value.decode() for name, value in scope["headers"] if name == b"x-amz-target"), "")
        request = f"{scope['method']} {scope['path']} {target}"
        if not any(re.search(order.request, request) for order in self._orders):
            return None, 0
        caller = await asyncio.to_thread(self._find_caller, scope["client"][1])
        process_id, function = caller or (0, "")
        for i, order in enumerate(self._orders):
            if re.search(order.request, request) and re.search(order.function, function):
                if order.skip:
                    self._orders[i] = dataclasses.replace(order, skip=order.skip - 1)
                    return None, 0
                left = dataclasses.replace(order, times=order.times - 1) if order.times > 1 else None
                self._orders[i : i + 1] = [left] if left else []
                return order, process_id
        return None, 0


async def _nowhere(_message: Any) -> None:
    """Nobody hears the answer."""


def lambda_at(port: int) -> tuple[int, str] | None:
    """The Lambda worker of ministack that has a connection from this local port."""
    from ministack.core import lambda_runtime

    from app.embedded import pin

    pools = list(pin.part(lambda_runtime, "_workers").values())
    for worker in [w for pool in pools for w in (pool if isinstance(pool, list) else [pool])]:
        process = worker._proc
        if process is None:
            continue
        with contextlib.suppress(psutil.Error):
            if any(c.laddr and c.laddr.port == port for c in psutil.Process(process.pid).net_connections("tcp")):
                return process.pid, worker.func_name
    return None
