"""Queues that encrypt, insist on TLS, and keep what failed long enough for a person to look."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from app.contracts import names
from infra.grants import acknowledge

KEEP = Duration.days(14)
KEY_REUSE = Duration.hours(1)
"""How long SQS keeps a data key before it asks KMS for the next."""


def dead_letter_queue(scope: Construct, *, environment: str, owner: str, key_arn: str | None) -> sqs.Queue:
    """Create the queue that keeps what `owner` (a handler, or `inbox`) could not process."""
    queue = sqs.Queue(
        scope,
        "DeadLetters",
        queue_name=names.dead_letters(environment, owner),
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=KEEP,
    )
    encrypt(queue, key_arn)
    acknowledge(queue, "AwsSolutions-SQS3", "This is a dead-letter queue itself; an alarm watches its depth.")
    return queue


def encrypt(queue: sqs.Queue, key_arn: str | None) -> None:
    """Encrypt with the customer-managed key instead of SQS's own; None leaves it at that.

    Set on the resource itself: CDK opens the policy of a queue that it knows to have a key to the rules of every
    account, instead of to its own rule (aws-cdk issue 11158).
    """
    if key_arn is None:
        return
    resource = queue.node.default_child
    assert isinstance(resource, sqs.CfnQueue)  # noqa: S101 (a fact of CDK, for the type checker)
    resource.sqs_managed_sse_enabled = None
    resource.kms_master_key_id = key_arn
    resource.kms_data_key_reuse_period_seconds = KEY_REUSE.to_seconds()
