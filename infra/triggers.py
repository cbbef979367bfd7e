"""What wakes the functions: uploads, clocks, and events of SageMaker and Step Functions.

Events are hints that may be lost or repeated; each function looks at the truth itself. So an event carries no
data that is trusted, and the clocks make up for events that never came.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from app.contracts import keys, names
from infra.functions import SIZES, PipelineFunctions
from infra.queues import dead_letter_queue, encrypt
from infra.settings import DeploymentSettings

TARGET_RETRIES = 8
TARGET_MAX_AGE = Duration.hours(2)
RECEIVES_BEFORE_DEAD = 5
MAX_BATCH_WITH_WINDOW = 1000
MAX_BATCH_WITHOUT_WINDOW = 10
BAKE_EVERY_MINUTES = 1
"""Alarms that watch an update look at minutes."""


class InboxTrigger(Construct):
    """An upload below inbox/ -> EventBridge -> queue that collects a window of events -> gate.

    Attributes:
        queue: The queue.
        dead_letters: Where events go that the gate failed on, or that never reached the queue.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DeploymentSettings,
        bucket_name: str,
        gate: lambda_.IFunction,
        key_arn: str | None,
    ) -> None:
        super().__init__(scope, construct_id)
        window = settings.triggers.queue_window_seconds
        self.dead_letters = dead_letter_queue(self, environment=settings.environment, owner="inbox", key_arn=key_arn)
        self.queue = sqs.Queue(
            self,
            "Queue",
            queue_name=names.inbox_queue(settings.environment),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            # AWS asks for six times the function's timeout plus the batching window.
            visibility_timeout=Duration.seconds(6 * SIZES["gate"].timeout_seconds + window),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=RECEIVES_BEFORE_DEAD),
        )
        encrypt(self.queue, key_arn)
        events.Rule(
            self,
            "Uploads",
            description="An object was created in the inbox",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={"bucket": {"name": [bucket_name]}, "object": {"key": [{"prefix": keys.INBOX}]}},
            ),
            targets=[
                targets.SqsQueue(
                    self.queue,
                    dead_letter_queue=self.dead_letters,
                    retry_attempts=TARGET_RETRIES,
                    max_event_age=TARGET_MAX_AGE,
                )
            ],
        )
        gate.add_event_source(
            sources.SqsEventSource(
                self.queue,
                batch_size=MAX_BATCH_WITH_WINDOW if window else MAX_BATCH_WITHOUT_WINDOW,
                max_batching_window=Duration.seconds(window) if window else None,
                max_concurrency=2,
            )
        )


class EventTriggers(Construct):
    """The clocks and the rules on state changes, each with the dead-letter queue of its function."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DeploymentSettings,
        functions: PipelineFunctions,
        state_machine_arn: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self._functions = functions
        triggers = settings.triggers
        self._clock("GateClock", "gate", triggers.gate_every_minutes)
        self._clock("ReconcileClock", "reconcile", triggers.reconcile_every_minutes)
        serving = settings.pipeline.serving
        if serving.on_machines and serving.bake_seconds:
            self._clock("BakeClock", "bake", BAKE_EVERY_MINUTES)
        for construct_id_, pattern in sagemaker_patterns(settings.environment).items():
            self._rule(construct_id_, "resolve", pattern)
        self._rule(
            "RunEnded",
            "fail_run",
            {
                "source": ["aws.states"],
                "detail-type": ["Step Functions Execution Status Change"],
                "detail": {
                    "stateMachineArn": [state_machine_arn],
                    "status": ["FAILED", "TIMED_OUT", "ABORTED"],
                },
            },
        )

    def _clock(self, construct_id: str, handler: str, minutes: int) -> None:
        events.Rule(
            self,
            construct_id,
            description=f"Wakes {handler} even when no event arrives",
            schedule=events.Schedule.rate(Duration.minutes(minutes)),
            targets=[self._target(handler)],
        )

    def _rule(self, construct_id: str, handler: str, pattern: Mapping[str, Any]) -> None:
        events.Rule(
            self,
            construct_id,
            description=f"{pattern['detail-type'][0]} -> {handler}",
            event_pattern=events.EventPattern(
                source=pattern["source"], detail_type=pattern["detail-type"], detail=pattern["detail"]
            ),
            targets=[self._target(handler)],
        )

    def _target(self, handler: str) -> targets.LambdaFunction:
        return targets.LambdaFunction(
            self._functions.by_handler[handler],
            # The next strike makes up for one of `bake`, which has no queue.
            dead_letter_queue=self._functions.dead_letters.get(handler),
            retry_attempts=TARGET_RETRIES,
            max_event_age=TARGET_MAX_AGE,
        )


def sagemaker_patterns(environment: str) -> dict[str, dict[str, Any]]:
    """Event patterns of this environment's SageMaker resources: jobs that ended, endpoints, approvals."""
    ours = [{"prefix": f"{names.prefix(environment)}-"}]
    ended = ["Completed", "Failed", "Stopped"]
    details = {
        "TrainingJob": ("Training Job", {"TrainingJobName": ours, "TrainingJobStatus": ended}),
        "ProcessingJob": ("Processing Job", {"ProcessingJobName": ours, "ProcessingJobStatus": ended}),
        # The event's status names differ from the API's; what the endpoint is, resolve asks itself.
        "Endpoint": ("Endpoint", {"EndpointName": [names.endpoint(environment)]}),
        "ModelPackage": (
            "Model Package",
            {
                "ModelPackageGroupName": [names.model_package_group(environment)],
                "ModelApprovalStatus": ["Approved", "Rejected"],
            },
        ),
    }
    return {
        construct_id: {
            "source": ["aws.sagemaker"],
            "detail-type": [f"SageMaker {kind} State Change"],
            "detail": detail,
        }
        for construct_id, (kind, detail) in details.items()
    }
