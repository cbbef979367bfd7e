"""Strict mode: who reads or writes objects of a bucket with a KMS key must be allowed to use the key through S3.

ministack 1.5.33 asks no policy about keys that a service uses in the name of its caller, and knows no kms:ViaService.

Source: Amazon S3 user guide, Using server-side encryption with AWS KMS keys, Permissions; AWS KMS condition keys.
"""

from __future__ import annotations

import re
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import s3

from app.embedded import pin

KEY = re.compile(r"KMSMasterKeyID>\s*([^<\s]+)\s*<")
MULTIPART = ("uploads", "uploadId")


def apply() -> None:
    """Add the use of the key to what S3 requests are asked for, and the service to what keys are asked with."""
    checks = pin.part(iam_actions, "s3_additional_checks")
    enforce = pin.part(iam_evaluator, "enforce")
    pin.part(s3, "_bucket_encryption")

    def with_key(method: str, path: str, headers: Any, body: bytes, query: Any) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = checks(method, path, headers, body, query)
        bucket, _, name = path.strip("/").partition("/")
        key = _key_of(bucket) if name else ""
        return [*found, *((use, key) for use in _uses(method, query))] if key else found

    def through_service(access_key: str, action: str, service: str, region: str, resource_arn: str = "*",
                        service_context: dict[str, Any] | None = None) -> Any:
        if action.startswith("kms:") and service != "kms":
            via = {"kms:ViaService": f"{service}.{region}.amazonaws.com"}
            return enforce(access_key, action, "kms", region, resource_arn, {**(service_context or {}), **via})
        return enforce(access_key, action, service, region, resource_arn, service_context)

    iam_actions.s3_additional_checks = with_key
    iam_evaluator.enforce = through_service


def _key_of(bucket: str) -> str:
    """ARN of the key that encrypts new objects of a bucket; empty where S3's own keys do."""
    found = KEY.search(s3._bucket_encryption.get(bucket) or "")
    return found[1] if found else ""


def _uses(method: str, query: Any) -> tuple[str, ...]:
    if method == "GET":
        return ("kms:Decrypt",)
    if method not in ("PUT", "POST"):
        return ()
    # The parts of an upload are decrypted to be put together.
    reads = ("kms:Decrypt",) if any(name in query for name in MULTIPART) else ()
    return ("kms:GenerateDataKey", *reads)
