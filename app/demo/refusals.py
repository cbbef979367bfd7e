"""What the strict demo shows of its policies: calls that must not be answered, tried in earnest."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import boto3
import botocore
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, SSLError

from app.client.pipeline import Pipeline, PipelineError
from app.contracts import keys
from app.embedded.control import Running
from app.embedded.settings import Access

ONCE = {"retries": {"total_max_attempts": 1}, "s3": {"addressing_style": "path"}}


@dataclasses.dataclass(frozen=True)
class Refusal:
    """A call that nobody may make."""

    who: str
    does: str
    call: Callable[[], Any]
    code: str
    """The error that must come: a code of AWS, or the name of an exception of TLS."""


def show(pipeline: Pipeline, running: Running) -> str:
    """Try every one of them.

    Returns:
        How many were refused, for people.

    Raises:
        PipelineError: one was answered, or refused for another reason.
    """
    tried = [*_of_people(pipeline, running), *_of_strangers(pipeline, running)]
    for refusal in tried:
        if (code := _code(refusal.call)) != refusal.code:
            raise PipelineError(f"{refusal.who} {refusal.does}: {code or 'was answered'} instead of {refusal.code}")
    return f"{len(tried)} of {len(tried)}: " + "; ".join(f"{r.who} {r.does} ({r.code})" for r in tried)


def _of_people(pipeline: Pipeline, running: Running) -> Sequence[Refusal]:
    operator, deployer = (_s3(running.access(person)) for person in ("operator", "deployer"))
    bucket = pipeline.bucket
    return (
        Refusal("the operator", "moves the champion",
                lambda: operator.put_object(Bucket=bucket, Key=keys.CHAMPION, Body=b"{}"), "AccessDenied"),
        Refusal("the operator", "deletes an upload",
                lambda: operator.delete_object(Bucket=bucket, Key=f"{keys.INBOX}x"), "AccessDenied"),
        Refusal("the deployer", "reads the data",
                lambda: deployer.get_object(Bucket=bucket, Key=keys.DATASET_HEAD), "AccessDenied"),
    )


def _of_strangers(pipeline: Pipeline, running: Running) -> Sequence[Refusal]:
    access = running.access()
    forged = _s3(dataclasses.replace(access, secret_key="forged"))  # noqa: S106 - wrong on purpose
    unsigned = _s3(access, signature_version=botocore.UNSIGNED)
    distrustful = _s3(dataclasses.replace(access, certificates=None))
    listing = {"Bucket": pipeline.bucket, "MaxKeys": 1}
    return (
        Refusal("somebody", "signs with a wrong secret", lambda: forged.list_objects_v2(**listing),
                "SignatureDoesNotMatch"),
        Refusal("somebody", "does not sign", lambda: unsigned.list_objects_v2(**listing), "InvalidAccessKeyId"),
        Refusal("a client", "does not know the certificate", lambda: distrustful.list_objects_v2(**listing),
                SSLError.__name__),
    )


def _s3(access: Access, **config: Any) -> Any:
    return boto3.client("s3", config=Config(**{**ONCE, **config}), **access.client_options())


def _code(call: Callable[[], Any]) -> str:
    """The error of a call; empty when it is answered."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    except BotoCoreError as error:
        return type(error).__name__
    return ""
