"""Step Functions: what ministack 1.5.33 lacks around waitForTaskToken.

- a Lambda that fails while it starts the work fails its task, instead of waiting for a token nobody answers;
- HeartbeatSeconds ends a task whose token got no heartbeat;
- a stopped or timed-out execution leaves its waiting task at once.
"""

from __future__ import annotations

import contextvars
import datetime as dt
import threading
import time
from typing import Any

from ministack.services import stepfunctions

from app.embedded import pin
from app.embedded.amendments import executions

WATCH_SECONDS = 0.2
_machines: dict[str, str] = {}
"""Tokens that are waited for -> ARN of the state machine."""
_token: contextvars.ContextVar[str] = contextvars.ContextVar("castline_task_token", default="")


def apply() -> None:
    """Wrap the Lambda call and the wait for a token."""
    call_lambda = pin.part(stepfunctions, "_call_lambda")
    invoke = pin.part(stepfunctions, "_invoke_with_callback")
    pin.part(stepfunctions, "_task_tokens")
    execution_error = pin.part(stepfunctions, "_ExecutionError")

    def call_and_tell(reference: str, event: Any) -> Any:
        try:
            return call_lambda(reference, event)
        except execution_error as error:
            if _token.get():
                _fail(_token.get(), error.error, error.cause)
            raise

    def wait(resource: str, data: Any, token: str, state: dict[str, Any]) -> Any:
        reset = _token.set(token)
        _machines[token] = executions.machine(executions.current.get())
        watcher = threading.Thread(
            target=contextvars.copy_context().run, args=(_watch, token, state.get("HeartbeatSeconds")), daemon=True
        )
        watcher.start()
        try:
            return invoke(resource, data, token, state)
        except execution_error:
            if executions.is_running(executions.current.get()):
                raise
            raise SystemExit from None  # ends this thread quietly: no Retry, no Catch after an abort
        finally:
            _token.reset(reset)
            _machines.pop(token, None)

    stepfunctions._call_lambda = call_and_tell
    stepfunctions._invoke_with_callback = wait


def machine(token: str) -> str:
    """ARN of the state machine that waits for a token; empty when none does."""
    return _machines.get(token, "")


def _fail(token: str, error: str, cause: str) -> None:
    info = stepfunctions._task_tokens.get(token)
    if info and not info["event"].is_set():
        info["error"] = {"Error": error, "Cause": cause}
        info["event"].set()


def _watch(token: str, heartbeat_seconds: float | None) -> None:
    """Fail the token when its execution is over or its heartbeat is late; end with the token."""
    started = time.time()
    while True:
        time.sleep(WATCH_SECONDS)
        info = stepfunctions._task_tokens.get(token)
        if not info:
            if time.time() - started < 1:  # not registered yet
                continue
            return
        if info["event"].is_set():
            return
        if not executions.is_running(executions.current.get()):
            _fail(token, "States.TaskFailed", "the execution is over")
            return
        last = dt.datetime.fromisoformat(info["heartbeat"]).timestamp() if info["heartbeat"] else started
        if heartbeat_seconds and time.time() - last >= heartbeat_seconds:
            _fail(token, "States.HeartbeatTimeout", f"no heartbeat within {heartbeat_seconds} seconds")
            return
