"""Ask an async endpoint: the image goes into the bucket, the answer comes there."""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from app.client.pipeline import Pipeline, PipelineError
from app.contracts import keys

LONGEST_SECONDS = 1800.0
"""From zero machines the first answer takes some minutes: SageMaker starts one and it loads the model."""
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.25, 5.0


def ask(pipeline: Pipeline, file: Path, request: dict[str, Any], wait: Callable[[float], None] = time.sleep) -> bytes:
    """Send one image and wait for what the endpoint answers.

    Args:
        pipeline: Whose endpoint.
        file: The image.
        request: What InvokeEndpoint would be given beside the image.
        wait: Waits some seconds.

    Raises:
        PipelineError: the endpoint failed on it, or no answer came.
        ClientError: AWS refused the request.
    """
    key = f"{keys.SERVING_REQUESTS}{uuid.uuid4().hex}/{file.name}"
    pipeline.client("s3").put_object(Bucket=pipeline.bucket, Key=key, Body=file.read_bytes())
    asked = pipeline.client("sagemaker-runtime").invoke_endpoint_async(
        **request, EndpointName=pipeline.endpoint, InputLocation=keys.uri(pipeline.bucket, key)
    )
    waited, pause = 0.0, FIRST_WAIT_SECONDS
    while waited < LONGEST_SECONDS:
        if (answer := _find(pipeline, asked["OutputLocation"])) is not None:
            return answer
        if (failure := _find(pipeline, asked.get("FailureLocation", ""))) is not None:
            raise PipelineError(f"{file}: the endpoint refused it: {_reason(failure)}")
        wait(pause)
        waited, pause = waited + pause, min(2 * pause, LONGEST_WAIT_SECONDS)
    raise PipelineError(
        f"{file}: no answer after {LONGEST_SECONDS / 60:.0f} minutes: it comes to {asked['OutputLocation']}; the "
        f"scaling activities of the endpoint {pipeline.endpoint} say whether a machine was to be had"
    )


def _find(pipeline: Pipeline, address: str) -> bytes | None:
    if not address:
        return None
    bucket, key = keys.split_uri(address)
    try:
        body: bytes = pipeline.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
            return None
        raise
    return body


def _reason(failure: bytes) -> str:
    """The sentence of our own server when SageMaker hands it on, else all that it wrote."""
    text = failure.decode(errors="replace").strip()
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return str(json.loads(text[text.index("{") : text.rindex("}") + 1])["message"])
    return text
