"""Orders about single requests: which one is met, and what happens to it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest

from app.embedded.interference import Interference, Order

CREATE = {"type": "http", "method": "POST", "path": "/", "client": ("127.0.0.1", 7),
          "headers": [(b"x-amz-target", b"SageMaker.CreateTrainingJob")]}
PUT = {"type": "http", "method": "PUT", "path": "/bucket/champion.json", "client": ("127.0.0.1", 7), "headers": []}


class Service:
    """An application that notes what reached it, and a caller that may die."""

    def __init__(self, process_id: int = 0, function: str = "castline-test-start-training") -> None:
        self.reached: list[str] = []
        self.caller = (process_id, function)
        self.front = Interference(self.application, lambda _port: self.caller if self.caller[1] else None)

    async def application(self, scope: Any, _receive: Any, send: Any) -> None:
        self.reached.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})

    def call(self, scope: dict[str, Any]) -> int | None:
        """The status that the caller gets; None without an answer."""
        sent: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        asyncio.run(self.front(scope, None, send))
        return sent[0]["status"] if sent else None


def test_only_the_ordered_requests_are_refused() -> None:
    """Given an order with a skip and a count, when five requests match, then the second and the third are refused."""
    service = Service()
    service.front.order(Order("refuse", "CreateTrainingJob", times=2, skip=1))
    assert service.call(PUT) == 200
    assert [service.call(CREATE) for _ in range(5)] == [200, 503, 503, 200, 200]
    assert service.front.orders == []


def test_a_refusal_bears_the_code_that_was_ordered() -> None:
    """Given an order with an error of the caller's, when a request matches, then it gets this code and status 400."""
    service, sent = Service(), []
    service.front.order(Order("refuse", "CreateTrainingJob", error="ValidationException"))

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(service.front(CREATE, None, send))
    assert sent[0]["status"] == 400
    assert json.loads(sent[1]["body"])["__type"] == "ValidationException"


@pytest.mark.parametrize(("action", "reached"), [("kill-before", []), ("kill-after", ["/bucket/champion.json"])])
def test_the_caller_dies_before_or_after_its_request_took_effect(action: Any, reached: list[str]) -> None:
    """Given an order to kill, when the function calls, then it is dead, unanswered, and the call happened or not."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        service = Service(process.pid)
        service.front.order(Order(action, r"PUT .*champion\.json", function="start-training"))
        assert service.call(PUT) is None
        assert process.wait(10) == -9
    assert service.reached == reached


def test_another_function_is_left_alone() -> None:
    """Given an order about one function, when another one or no function calls, then it is answered."""
    for function in ("castline-test-gate", ""):
        service = Service(function=function)
        service.front.order(Order("refuse", "CreateTrainingJob", function="start-training"))
        assert service.call(CREATE) == 200
        assert len(service.front.orders) == 1


def test_a_held_request_goes_on_when_released() -> None:
    """Given an order to hold, when it is cleared, then the request reaches the service."""
    service = Service()
    service.front.order(Order("hold", "CreateTrainingJob"))

    async def scenario() -> list[str]:
        async def send(_message: Any) -> None:
            return

        held = asyncio.create_task(service.front(CREATE, None, send))
        while not service.front.held:
            await asyncio.sleep(0)
        before = list(service.reached)
        service.front.clear()
        await held
        return before

    assert asyncio.run(scenario()) == []
    assert service.reached == ["/"]


@pytest.mark.parametrize("wrong", [{"action": "explode", "request": ""}, {"action": "kill-after", "request": ""},
                                   {"action": "hold", "request": "", "times": 0}])
def test_orders_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be|name the function"):
        Order(**wrong)
