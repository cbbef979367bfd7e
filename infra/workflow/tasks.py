"""What the state machine is made of: Task, Choice and Pass states, and the rules of retrying."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.contracts import errors
from app.contracts.attempts import PROCESSING_ATTEMPTS

State = dict[str, Any]

CALLBACK = "arn:aws:states:::lambda:invoke.waitForTaskToken"
HEARTBEAT_SECONDS = 3_600
"""The reconciler heartbeats every running job well within this."""
FUNCTION_SECONDS = 120
SLOW_FUNCTION_SECONDS = {
    "snapshot": 660,
    "verify": 660,
    "commit": 960,
    "compare": 180,
    "finish": 180,
    "fail_run": 180,
}
"""A little more than the function's own timeout, which names the error better."""

BUSY = "EndpointBusyError"
"""The endpoint is changing: lambdas.errors.EndpointBusyError."""


def retrying(names: Sequence[str], *, interval: int, attempts: int, rate: float = 2.0, longest: int = 0) -> State:
    """A retry rule with full jitter; `longest` bounds the waiting in seconds."""
    rule: State = {
        "ErrorEquals": list(names),
        "IntervalSeconds": interval,
        "MaxAttempts": attempts,
        "BackoffRate": rate,
        "JitterStrategy": "FULL",
    }
    return rule | ({"MaxDelaySeconds": longest} if longest else {})


LAMBDA_HICCUP = retrying(
    [
        "Lambda.ClientExecutionTimeoutException",
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
        "Lambda.TooManyRequestsException",
    ],
    interval=2,
    attempts=6,
)
FUNCTION_DIED = retrying(["Runtime.ExitError", "Lambda.Unknown"], interval=2, attempts=3)
"""The process was killed between two of its calls; every function may be called again at any point."""
FUNCTION_TIMEOUT = retrying(["States.Timeout", "Sandbox.Timedout"], interval=5, attempts=2)
REATTACH = retrying(["States.HeartbeatTimeout", "States.Timeout", "Sandbox.Timedout"], interval=10, attempts=3)
"""Waiting states only: the function adopts the job that runs already, with a new token."""
JOB_HICCUP = retrying([errors.JOB_INTERNAL, errors.JOB_CAPACITY], interval=60, attempts=PROCESSING_ATTEMPTS - 1)
QUOTA = retrying([errors.TRAIN_QUOTA, errors.JOB_QUOTA], interval=600, attempts=12, rate=1.5, longest=7_200)
ENDPOINT_BUSY = retrying([BUSY], interval=5, attempts=120, rate=1.3, longest=60)


def catching(next_state: str, names: Sequence[str] = ("States.ALL",)) -> State:
    """A catch rule that keeps the state's input and adds the error as `$.error`."""
    return {"ErrorEquals": list(names), "ResultPath": "$.error", "Next": next_state}


def passing(result: Any, path: str, next_state: str) -> State:
    """A state that writes a constant."""
    return {"Type": "Pass", "Result": result, "ResultPath": path, "Next": next_state}


def handing_on(parameters: State, path: str, next_state: str) -> State:
    """A state that puts together what the next ones ask for."""
    return {"Type": "Pass", "Parameters": parameters, "ResultPath": path, "Next": next_state}


def choosing(comment: str, rule: State, next_state: str, default: str) -> State:
    """A state with one question."""
    return {
        "Type": "Choice",
        "Comment": comment,
        "Choices": [{**rule, "Next": next_state}],
        "Default": default,
    }


class Tasks:
    """Builds Task states around the functions of one deployment."""

    def __init__(self, function_arns: Mapping[str, str]) -> None:
        self._arns = function_arns

    def call(
        self,
        function: str,
        parameters: State,
        *,
        result: str,
        then: str,
        comment: str,
        retry: Sequence[State] = (),
        catch: Sequence[State] = (),
        otherwise: str = "FailRun",
    ) -> State:
        """Call a function and go on with its answer."""
        return {
            "Type": "Task",
            "Comment": comment,
            "Resource": self._arns[function],
            "Parameters": parameters,
            "ResultPath": result,
            "TimeoutSeconds": SLOW_FUNCTION_SECONDS.get(function, FUNCTION_SECONDS),
            "Retry": [LAMBDA_HICCUP, FUNCTION_DIED, FUNCTION_TIMEOUT, *retry],
            "Catch": [*catch, catching(otherwise)],
            "Next": then,
        }

    def wait(
        self,
        function: str,
        parameters: State,
        *,
        seconds: int,
        result: str,
        then: str,
        comment: str,
        retry: Sequence[State] = (),
        catch: Sequence[State] = (),
        otherwise: str = "FailRun",
    ) -> State:
        """Call a function that starts something, and wait until the token comes back."""
        payload = {"token.$": "$$.Task.Token", "execution_arn.$": "$$.Execution.Id", **parameters}
        return {
            "Type": "Task",
            "Comment": comment,
            "Resource": CALLBACK,
            "Parameters": {"FunctionName": self._arns[function], "Payload": payload},
            "ResultPath": result,
            "TimeoutSeconds": seconds,
            "HeartbeatSeconds": HEARTBEAT_SECONDS,
            "Retry": [LAMBDA_HICCUP, FUNCTION_DIED, *retry],
            "Catch": [*catch, catching(otherwise)],
            "Next": then,
        }
