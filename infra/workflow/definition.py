"""The state machine's definition as a plain tree: every state, its limits, and where it goes when it fails.

Amazon States Language with JSONPath; no aws_cdk here, so that tests can walk the tree. States hand on what
the next one needs by name; documents live in S3. Two rules hold for every Task: errors with a name are retried
with backoff and full jitter, and everything else ends in `FailRun`. Waiting states hand a task token to their
function; the token comes back when the job has ended (docs/pipeline.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.contracts import errors
from app.contracts.settings import PipelineSettings

State = dict[str, Any]

CALLBACK = "arn:aws:states:::lambda:invoke.waitForTaskToken"
BUILD = "arn:aws:states:::codebuild:startBuild.sync"
DAY = 86_400
HEARTBEAT_SECONDS = 3_600
"""The reconciler heartbeats every running job well within this."""
QUEUE_SECONDS = 7_200
"""What a job may wait for its machines on top of its own running time."""
BUILD_SECONDS = 7_200
APPROVAL_SECONDS = 14 * DAY
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
RECOVERABLE = [errors.TRAIN_CAPACITY, errors.TRAIN_INTERNAL, errors.TRAIN_TIME_LIMIT, errors.TRAIN_MEMORY]
"""What another training attempt may cure; NextAttempt decides how."""


def _retry(
    names: Sequence[str], *, interval: int, attempts: int, rate: float = 2.0, longest: int = 0
) -> State:
    rule: State = {
        "ErrorEquals": list(names),
        "IntervalSeconds": interval,
        "MaxAttempts": attempts,
        "BackoffRate": rate,
        "JitterStrategy": "FULL",
    }
    return rule | ({"MaxDelaySeconds": longest} if longest else {})


LAMBDA_HICCUP = _retry(
    [
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
        "Lambda.TooManyRequestsException",
    ],
    interval=2,
    attempts=6,
)
FUNCTION_TIMEOUT = _retry(["States.Timeout", "Sandbox.Timedout"], interval=5, attempts=2)
REATTACH = _retry(["States.HeartbeatTimeout", "States.Timeout"], interval=10, attempts=3)
"""Waiting states only: the function adopts the job that runs already, with a new token."""
JOB_HICCUP = _retry([errors.JOB_INTERNAL, errors.JOB_CAPACITY], interval=60, attempts=2)
QUOTA = _retry([errors.TRAIN_QUOTA, errors.JOB_QUOTA], interval=600, attempts=12, rate=1.5, longest=7_200)
ENDPOINT_BUSY = _retry([BUSY], interval=5, attempts=120, rate=1.3, longest=60)


def _catch(next_state: str, names: Sequence[str] = ("States.ALL",)) -> State:
    return {"ErrorEquals": list(names), "ResultPath": "$.error", "Next": next_state}


def _pass(result: Any, path: str, next_state: str) -> State:
    return {"Type": "Pass", "Result": result, "ResultPath": path, "Next": next_state}


def _choice(comment: str, rule: State, next_state: str, default: str) -> State:
    return {
        "Type": "Choice",
        "Comment": comment,
        "Choices": [{**rule, "Next": next_state}],
        "Default": default,
    }


class _Tasks:
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
            "Retry": [LAMBDA_HICCUP, FUNCTION_TIMEOUT, *retry],
            "Catch": [*catch, _catch(otherwise)],
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
            "Retry": [LAMBDA_HICCUP, *retry],
            "Catch": [*catch, _catch(otherwise)],
            "Next": then,
        }


def _intake(tasks: _Tasks, build_project: str) -> dict[str, State]:
    """Claim the run, freeze the uploads, have an image."""
    return {
        "Claim": tasks.call(
            "claim",
            {"execution_arn.$": "$$.Execution.Id", "execution_name.$": "$$.Execution.Name", "input.$": "$"},
            result="$.run",
            then="Snapshot",
            comment="One run at a time: the lock must be this execution's",
            catch=[_catch("NotOurTurn", [errors.RUN_IN_PROGRESS])],
        ),
        "NotOurTurn": {
            "Type": "Fail",
            "Error": errors.RUN_IN_PROGRESS,
            "Cause": "Another run holds the lock and nothing of it was touched: the gate starts the next run",
        },
        "Snapshot": tasks.call(
            "snapshot",
            {"run_id.$": "$.run.run_id", "forced.$": "$.run.forced"},
            result="$.snapshot",
            then="AnythingToDo",
            comment="Freeze the exact object versions of the inbox",
        ),
        "AnythingToDo": _choice(
            "Uploads, or a person who asks for a new model from the old ones",
            {"Variable": "$.snapshot.proceed", "BooleanEquals": True},
            "FindImage",
            "NothingNew",
        ),
        "FindImage": tasks.call(
            "find_image",
            {"required": False},
            result="$.image",
            then="ImagePresent",
            comment="Digest of the container image with the deployed tag",
        ),
        "ImagePresent": _choice(
            "The first run after a deployment builds the image",
            {"Variable": "$.image.found", "BooleanEquals": True},
            "Prepare",
            "BuildImage",
        ),
        "BuildImage": {
            "Type": "Task",
            "Comment": "Build the container image and push it under the deployed tag",
            "Resource": BUILD,
            "Parameters": {"ProjectName": build_project},
            "ResultPath": None,
            "TimeoutSeconds": BUILD_SECONDS,
            "Retry": [
                _retry(
                    ["CodeBuild.SdkClientException", "CodeBuild.AWSCodeBuildException"],
                    interval=10,
                    attempts=3,
                )
            ],
            "Catch": [_catch("FailRun")],
            "Next": "FindBuiltImage",
        },
        "FindBuiltImage": tasks.call(
            "find_image",
            {"required": True},
            result="$.image",
            then="Prepare",
            comment="The image must be there now",
        ),
    }


def _data(tasks: _Tasks, settings: PipelineSettings) -> dict[str, State]:
    """Turn uploads into a data-set version."""
    return {
        "Prepare": tasks.wait(
            "start_prepare",
            {
                "run_id.$": "$.run.run_id",
                "snapshot_key.$": "$.snapshot.snapshot_key",
                "parent_version.$": "$.snapshot.parent_version",
                "image_uri.$": "$.image.image_uri",
            },
            seconds=settings.processing.max_runtime_seconds + QUEUE_SECONDS,
            result="$.prepare",
            then="NewVersion",
            comment="Check, convert, split, write shards",
            retry=[REATTACH, JOB_HICCUP, QUOTA],
        ),
        "NewVersion": {
            "Type": "Choice",
            "Comment": "A version that equals its parent teaches nothing new",
            "Choices": [
                {
                    "Or": [
                        {"Variable": "$.prepare.detail.changed", "BooleanEquals": True},
                        {"Variable": "$.run.forced", "BooleanEquals": True},
                    ],
                    "Next": "FirstAttempt",
                }
            ],
            "Default": "NothingNew",
        },
    }


def _model(tasks: _Tasks, settings: PipelineSettings) -> dict[str, State]:
    """Train, rung by rung, then evaluate and compare."""
    training = settings.training
    longest = max(
        rung.max_wait_seconds if rung.spot else training.max_runtime_seconds + DAY for rung in training.ladder
    )
    first = {
        "number": 1,
        "rung": 0,
        "internal_errors": 0,
        "time_limits": 0,
        "memory_errors": 0,
        "again": True,
        "history": [],
    }
    return {
        "FirstAttempt": _pass(first, "$.attempt", "Train"),
        "Train": tasks.wait(
            "start_training",
            {
                "run_id.$": "$.run.run_id",
                "version.$": "$.prepare.detail.version",
                "image_uri.$": "$.image.image_uri",
                "attempt.$": "$.attempt",
            },
            seconds=longest + QUEUE_SECONDS,
            result="$.training",
            then="Evaluate",
            comment="One attempt on one rung of the ladder, resuming from the run's checkpoints",
            retry=[REATTACH, QUOTA],
            catch=[_catch("NextAttempt", RECOVERABLE)],
        ),
        "NextAttempt": tasks.call(
            "next_attempt",
            {"attempt.$": "$.attempt", "error.$": "$.error"},
            result="$.attempt",
            then="TryAgain",
            comment="Next rung, half the batch, a resumption, or the end",
        ),
        "TryAgain": _choice(
            "NextAttempt says whether another attempt may help",
            {"Variable": "$.attempt.again", "BooleanEquals": True},
            "Train",
            "FailRun",
        ),
        "Evaluate": tasks.wait(
            "start_evaluation",
            {
                "run_id.$": "$.run.run_id",
                "version.$": "$.prepare.detail.version",
                "image_uri.$": "$.image.image_uri",
                "model_artifact.$": "$.training.model_artifact",
            },
            seconds=settings.processing.max_runtime_seconds + QUEUE_SECONDS,
            result="$.evaluation",
            then="Compare",
            comment="Challenger and champion on the same frozen test images",
            retry=[REATTACH, JOB_HICCUP, QUOTA],
        ),
        "Compare": tasks.call(
            "compare",
            {"run_id.$": "$.run.run_id"},
            result="$.comparison",
            then="Better",
            comment="Promote only what is better beyond noise",
        ),
        "Better": _choice(
            "The decision and its reasons are in comparison.json",
            {"Variable": "$.comparison.promote", "BooleanEquals": True},
            "Register",
            "NotPromoted",
        ),
    }


def _publication(tasks: _Tasks, settings: PipelineSettings) -> dict[str, State]:
    """Register, publish, prove; on any failure the champion serves again."""
    model = {
        "run_id.$": "$.run.run_id",
        "image_uri.$": "$.image.image_uri",
        "model_artifact.$": "$.training.model_artifact",
    }
    return {
        "Register": tasks.wait(
            "register",
            {**model, "version.$": "$.prepare.detail.version", "mask_ap.$": "$.comparison.challenger_ap"},
            seconds=APPROVAL_SECONDS,
            result="$.registration",
            then="Approved",
            comment="Enter the model in the registry; wait for a person when the settings ask for one",
            retry=[_retry(["States.HeartbeatTimeout"], interval=10, attempts=3)],
        ),
        "Approved": _choice(
            "Approved by a person, or by the comparison when nobody is asked",
            {"Variable": "$.registration.status", "StringEquals": "Approved"},
            "Publish",
            "Rejected",
        ),
        "Publish": tasks.wait(
            "publish",
            {**model, "champion_run_id.$": "$.evaluation.detail.champion_run_id"},
            seconds=max(settings.serving.update_timeout_seconds, HEARTBEAT_SECONDS) + QUEUE_SECONDS,
            result="$.publication",
            then="Verify",
            comment="Create or update the endpoint",
            retry=[REATTACH, ENDPOINT_BUSY],
            otherwise="Restore",
        ),
        "Verify": tasks.call(
            "verify",
            {"run_id.$": "$.run.run_id"},
            result="$.verification",
            then="Promoted",
            comment="The endpoint must answer the golden images like the evaluated model",
            retry=[ENDPOINT_BUSY],
            otherwise="Restore",
        ),
        "Restore": tasks.call(
            "restore",
            {
                "run_id.$": "$.run.run_id",
                "model_package_arn.$": "$.registration.detail.model_package_arn",
                "error.$": "$.error",
            },
            result="$.restoration",
            then="FailRun",
            comment="The champion's configuration again, or no endpoint",
            retry=[ENDPOINT_BUSY],
        ),
    }


def _ends(tasks: _Tasks) -> dict[str, State]:
    """Commit and finish, or the one failing path."""
    outcomes = {
        "Promoted": "PROMOTED",
        "NotPromoted": "NOT_PROMOTED",
        "Rejected": "REJECTED",
        "NothingNew": "NOTHING_NEW",
    }
    closing = {"execution_arn.$": "$$.Execution.Id", "state.$": "$"}
    return {
        **{name: _pass(outcome, "$.outcome", "Commit") for name, outcome in outcomes.items()},
        "Commit": tasks.call(
            "commit",
            {"state.$": "$"},
            result="$.commit",
            then="Finish",
            comment="Champion pointer, then data-set head, then the used uploads leave the inbox",
            catch=[_catch("Restore", [errors.CHAMPION_MOVED])],
        ),
        "Finish": tasks.call(
            "finish",
            closing,
            result="$.record",
            then="Done",
            comment="Record, report, notify, release, wake the gate",
        ),
        "Done": {"Type": "Succeed"},
        "FailRun": {
            **tasks.call(
                "fail_run",
                closing,
                result="$.failure",
                then="Failed",
                otherwise="FailedUnrecorded",
                comment="Stop jobs, record the reason, notify, release, wake the gate",
            ),
        },
        "Failed": {"Type": "Fail", "ErrorPath": "$.failure.error", "CausePath": "$.failure.cause"},
        "FailedUnrecorded": {
            "Type": "Fail",
            "Error": "FailRunError",
            "Cause": "The run failed, and so did recording it: the event rule and the reconciler record and release",
        },
    }


def definition(
    *, settings: PipelineSettings, function_arns: Mapping[str, str], build_project: str
) -> dict[str, Any]:
    """Build the definition.

    Args:
        settings: The deployment's choices; limits of time come from here.
        function_arns: Module name of each handler in lambdas/ -> ARN of its function.
        build_project: Name of the CodeBuild project that builds the container image.
    """
    tasks = _Tasks(function_arns)
    return {
        "Comment": "Uploads to a published, proven model; see docs/pipeline.md",
        "StartAt": "Claim",
        "States": {
            **_intake(tasks, build_project),
            **_data(tasks, settings),
            **_model(tasks, settings),
            **_publication(tasks, settings),
            **_ends(tasks),
        },
    }
