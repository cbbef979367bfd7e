"""boto3 clients, made once per process, and the codes of their errors."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

_CONFIG = Config(retries={"mode": "standard", "max_attempts": 6}, connect_timeout=5, read_timeout=70)
"""Throttling and hiccups are boto3's business; 70 s because an endpoint may take 60 s for one image."""

ABSENT = frozenset(
    {"404", "NoSuchKey", "NotFound", "ResourceNotFound", "ResourceNotFoundException", "ExecutionDoesNotExist",
     "ImageNotFoundException"}
)  # fmt: skip
_GONE = re.compile(r"could not find|not found|does not exist", re.IGNORECASE)


@functools.cache
def client(service: str) -> Any:
    """The client of a service; region, credentials and AWS_ENDPOINT_URL are boto3's own business."""
    return boto3.client(service, config=_CONFIG)


def code(error: ClientError) -> str:
    """The service's name of the error."""
    return str(error.response.get("Error", {}).get("Code", ""))


def message(error: ClientError) -> str:
    """The service's words."""
    return str(error.response.get("Error", {}).get("Message", "") or error)


def is_absent(error: ClientError) -> bool:
    """The thing does not exist. SageMaker often says so with a ValidationException, told apart by its words."""
    return code(error) in ABSENT or (code(error) == "ValidationException" and bool(_GONE.search(message(error))))


def unless_absent(describe: Callable[..., dict[str, Any]], **request: Any) -> dict[str, Any] | None:
    """What an operation says of a thing; None when the thing does not exist."""
    try:
        return describe(**request)
    except ClientError as error:
        if is_absent(error):
            return None
        raise


def exists_already(error: ClientError) -> bool:
    """The thing to be created is there already. SageMaker has several ways to say so."""
    return code(error) in ("ResourceInUse", "ResourceInUseException") or (
        code(error) == "ValidationException" and "already exist" in message(error)
    )
