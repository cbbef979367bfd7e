"""Lambda: report the class of a handler's exception.

ministack 1.5.33 calls every handler error `Runtime.HandlerError`; on AWS it carries the Python class name, and
Retry and Catch of a state machine match on it. The worker script hands the name over at the end of its trace.
A worker process that died is `Runtime.ExitError`.
"""

from __future__ import annotations

from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from app.embedded import pin

MARK = "@@errorType="
DIED = "Worker process died"
TRACE = '"trace": traceback.format_exc()}'


def apply() -> None:
    """Amend the worker script and the function that reads its answer."""
    script = pin.part(lambda_runtime, "_PYTHON_WORKER_SCRIPT")
    execute = pin.part(lambda_svc, "_execute_function_warm")
    pin.check(TRACE in script, "the Lambda worker script reports errors in another way")
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(
        TRACE, TRACE[:-1] + f' + "{MARK}" + type(e).__name__}}'
    )

    def execute_with_error_type(function: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        result: dict[str, Any] = execute(function, event, request_id)
        log = result.get("log") or ""
        if result.get("error") and MARK in log:
            trace, _, error_type = log.rpartition(MARK)
            result["log"] = trace
            result["body"] |= {"errorType": error_type, "stackTrace": []}
        elif result.get("error") and result["body"].get("errorMessage") == DIED:
            words = f"RequestId: {request_id} Error: Runtime exited with error: signal: killed"
            result["body"] |= {"errorType": "Runtime.ExitError", "errorMessage": words}
        return result

    lambda_svc._execute_function_warm = execute_with_error_type
