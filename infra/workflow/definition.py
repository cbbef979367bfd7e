"""The state machine's definition as a plain tree: every state, its limits, and where it goes when it fails.

Amazon States Language with JSONPath; no aws_cdk here, so that tests can walk the tree. States hand on what
the next one needs by name; documents live in S3. Two rules hold for every Task: named errors are retried
with backoff and full jitter, and everything else ends in `FailRun`. Waiting states hand a task token to their
function; the token comes back when the job has ended (docs/pipeline.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.contracts import errors
from app.contracts.settings import PipelineSettings
from infra.workflow.tasks import (
    ENDPOINT_BUSY,
    HEARTBEAT_SECONDS,
    JOB_HICCUP,
    QUOTA,
    REATTACH,
    State,
    Tasks,
    catching,
    choosing,
    handing_on,
    passing,
    retrying,
)

BUILD = "arn:aws:states:::codebuild:startBuild.sync"
DAY = 86_400
QUEUE_SECONDS = 7_200
"""What a job may wait for its machines on top of its own running time."""
BUILD_SECONDS = 7_200
RECOVERABLE = [errors.TRAIN_CAPACITY, errors.TRAIN_INTERNAL, errors.TRAIN_TIME_LIMIT, errors.TRAIN_MEMORY]
"""What another training attempt may cure; NextAttempt decides how."""


def _intake(tasks: Tasks, build_project: str) -> dict[str, State]:
    """Claim the run, freeze the uploads, have an image."""
    return {
        "Claim": tasks.call(
            "claim",
            {"execution_arn.$": "$$.Execution.Id", "execution_name.$": "$$.Execution.Name", "input.$": "$"},
            result="$.run",
            then="WhatFor",
            comment="One run at a time: the lock must be this execution's",
            catch=[catching("NotOurTurn", [errors.RUN_IN_PROGRESS])],
        ),
        "NotOurTurn": {
            "Type": "Fail",
            "Error": errors.RUN_IN_PROGRESS,
            "Cause": "Another run holds the lock and nothing of it was touched: the gate starts the next run",
        },
        "WhatFor": choosing(
            "A new model, or one of before that a person asks for",
            {"Variable": "$.run.rollback_to", "StringEquals": ""},
            "Snapshot",
            "Recall",
        ),
        "Recall": tasks.call(
            "recall",
            {"rollback_to.$": "$.run.rollback_to", "rollback_from.$": "$.run.rollback_from"},
            result="$.model",
            then="Publish",
            comment="The champion of before, when all that serves and proves it is there",
        ),
        "Snapshot": tasks.call(
            "snapshot",
            {"run_id.$": "$.run.run_id", "forced.$": "$.run.forced"},
            result="$.snapshot",
            then="AnythingToDo",
            comment="Freeze the exact object versions of the inbox",
        ),
        "AnythingToDo": choosing(
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
        "ImagePresent": choosing(
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
                retrying(
                    ["CodeBuild.SdkClientException", "CodeBuild.AWSCodeBuildException"],
                    interval=10,
                    attempts=3,
                )
            ],
            "Catch": [catching("FailRun")],
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


def _data(tasks: Tasks, settings: PipelineSettings) -> dict[str, State]:
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


def _model(tasks: Tasks, settings: PipelineSettings) -> dict[str, State]:
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
        "FirstAttempt": passing(first, "$.attempt", "Train"),
        "Train": tasks.wait(
            "start_training",
            {
                "run_id.$": "$.run.run_id",
                "version.$": "$.prepare.detail.version",
                "image_uri.$": "$.image.image_uri",
                "attempt.$": "$.attempt",
                "hyperparameters.$": "$.run.hyperparameters",
                "over_budget.$": "$.run.over_budget",
            },
            seconds=longest + QUEUE_SECONDS,
            result="$.training",
            then="Evaluate",
            comment="One attempt on one rung of the ladder, resuming from the run's checkpoints",
            retry=[REATTACH, QUOTA],
            catch=[catching("NextAttempt", RECOVERABLE)],
        ),
        "NextAttempt": tasks.call(
            "next_attempt",
            {
                "attempt.$": "$.attempt",
                "error.$": "$.error",
                "hyperparameters.$": "$.run.hyperparameters",
                "over_budget.$": "$.run.over_budget",
            },
            result="$.attempt",
            then="TryAgain",
            comment="Next rung, half the batch, a resumption, or the end",
        ),
        "TryAgain": choosing(
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
        "Better": choosing(
            "The decision and its reasons are in comparison.json",
            {"Variable": "$.comparison.promote", "BooleanEquals": True},
            "Register",
            "NotPromoted",
        ),
    }


def _publication(tasks: Tasks, settings: PipelineSettings) -> dict[str, State]:
    """Register, publish, prove; on any failure the champion serves again."""
    model = {
        "run_id.$": "$.run.run_id",
        "image_uri.$": "$.image.image_uri",
        "model_artifact.$": "$.training.model_artifact",
    }
    chosen = {
        "run_id.$": "$.run.run_id",
        "model_run_id.$": "$.model.run_id",
        "image_uri.$": "$.model.image_uri",
        "model_artifact.$": "$.model.model_artifact",
        "champion_run_id.$": "$.model.champion_run_id",
    }
    return {
        "Register": tasks.wait(
            "register",
            {**model, "version.$": "$.prepare.detail.version", "mask_ap.$": "$.comparison.challenger_ap"},
            seconds=settings.promotion.approval_timeout_seconds,
            result="$.registration",
            then="Approved",
            comment="Enter the model in the registry; wait for a person when the settings ask for one",
            retry=[retrying(["States.HeartbeatTimeout", "Sandbox.Timedout"], interval=10, attempts=3)],
            # States.Timeout stands for lost heartbeats too, and these are no person's silence.
            catch=[catching("FailRun", ["States.HeartbeatTimeout"]), catching("Withdraw", ["States.Timeout"])],
        ),
        "Withdraw": tasks.call(
            "withdraw",
            {"run_id.$": "$.run.run_id"},
            result="$.registration",
            then="Approved",
            comment="Nobody has decided in time: reject the model",
        ),
        "Approved": choosing(
            "Approved by a person, or by the comparison when nobody is asked",
            {"Variable": "$.registration.status", "StringEquals": "Approved"},
            "NewModel",
            "Rejected",
        ),
        "NewModel": handing_on(
            {**model, "champion_run_id.$": "$.evaluation.detail.champion_run_id"}, "$.model", "Publish"
        ),
        "Publish": tasks.wait(
            "publish",
            chosen,
            seconds=max(settings.serving.update_timeout_seconds, HEARTBEAT_SECONDS) + QUEUE_SECONDS,
            result="$.publication",
            then="Verify",
            comment="Create or update the endpoint",
            retry=[REATTACH, ENDPOINT_BUSY],
            otherwise="Restore",
        ),
        "Verify": tasks.call(
            "verify",
            {"run_id.$": "$.model.run_id", "endpoint_config.$": "$.publication.job_name"},
            result="$.verification",
            then="Proven",
            comment="The endpoint must answer the golden images like the evaluated model",
            retry=[ENDPOINT_BUSY],
            otherwise="Restore",
        ),
        "Proven": choosing(
            "A model that serves as it was evaluated becomes the champion, or is it again",
            {"Variable": "$.run.rollback_to", "StringEquals": ""},
            "Promoted",
            "RolledBack",
        ),
        "Restore": tasks.call(
            "restore",
            {"state.$": "$"},
            result="$.restoration",
            then="FailRun",
            comment="The champion's configuration again, or no endpoint",
            retry=[ENDPOINT_BUSY],
        ),
    }


def _ends(tasks: Tasks) -> dict[str, State]:
    """Commit and finish, or the one failing path."""
    outcomes = {
        "Promoted": "PROMOTED",
        "RolledBack": "ROLLED_BACK",
        "NotPromoted": "NOT_PROMOTED",
        "Rejected": "REJECTED",
        "NothingNew": "NOTHING_NEW",
    }
    closing = {"execution_arn.$": "$$.Execution.Id", "state.$": "$"}
    return {
        **{name: passing(outcome, "$.outcome", "Commit") for name, outcome in outcomes.items()},
        "Commit": tasks.call(
            "commit",
            {"state.$": "$"},
            result="$.commit",
            then="Finish",
            comment="Champion pointer, then data-set head, then the used uploads leave the inbox",
            catch=[catching("Restore", [errors.CHAMPION_MOVED, errors.HEAD_MOVED])],
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
            "Cause": "The run failed, and so did recording it: the event rule or the reconciler repeats it",
        },
    }


def definition(*, settings: PipelineSettings, function_arns: Mapping[str, str], build_project: str) -> dict[str, Any]:
    """Build the definition.

    Args:
        settings: The deployment's choices; limits of time come from here.
        function_arns: Module name of each handler in lambdas/ -> ARN of its function.
        build_project: Name of the CodeBuild project that builds the container image.
    """
    tasks = Tasks(function_arns)
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
