"""Queues that encrypt, insist on TLS, and keep what failed long enough for a person to look."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from app.contracts import names
from infra.grants import acknowledge

KEEP = Duration.days(14)


def dead_letter_queue(scope: Construct, *, environment: str, owner: str) -> sqs.Queue:
    """Create the queue that keeps what `owner` (a handler, or `inbox`) could not process."""
    queue = sqs.Queue(
        scope,
        "DeadLetters",
        queue_name=names.dead_letters(environment, owner),
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=KEEP,
    )
    acknowledge(queue, "AwsSolutions-SQS3", "This is a dead-letter queue itself; an alarm watches its depth.")
    return queue
