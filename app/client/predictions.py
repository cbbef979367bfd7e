"""Ask the endpoint about a photograph."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import mimetypes
from pathlib import Path

from botocore.exceptions import ClientError

from app.client import async_predictions
from app.client.pipeline import Pipeline, PipelineError
from app.contracts import documents
from app.contracts.prediction import Prediction


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the endpoint says about one photograph."""

    file: Path
    prediction: Prediction


def predict(pipeline: Pipeline, file: Path, min_score: float | None = None) -> Answer:
    """The instances and the verdict of one photograph.

    Raises:
        PipelineError: the file is no photograph, or there is no endpoint yet.
    """
    return Answer(file, documents.from_json(Prediction, _invoke(pipeline, file, "application/json", min_score)))


def overlay(pipeline: Pipeline, file: Path, min_score: float | None = None) -> bytes:
    """The photograph with everything found drawn in, as PNG.

    Raises:
        PipelineError: as `predict`.
    """
    return _invoke(pipeline, file, "image/png", min_score)


def _invoke(pipeline: Pipeline, file: Path, accept: str, min_score: float | None) -> bytes:
    if not file.is_file():
        raise PipelineError(f"{file}: no such file: check the spelling")
    request = {
        "ContentType": mimetypes.guess_type(file.name)[0] or "application/octet-stream",
        "Accept": accept,
        **({} if min_score is None else {"CustomAttributes": f"min_score={min_score}"}),
    }
    try:
        # Only the endpoint itself knows how it serves now: a deployment may just be changing it.
        if pipeline.client("sagemaker").describe_endpoint(EndpointName=pipeline.endpoint).get("AsyncInferenceConfig"):
            return async_predictions.ask(pipeline, file, request)
        answer = pipeline.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=pipeline.endpoint, Body=file.read_bytes(), **request
        )
    except ClientError as error:
        raise PipelineError(_explain(error, pipeline, file)) from error
    body: bytes = answer["Body"].read()
    return body


def _explain(error: ClientError, pipeline: Pipeline, file: Path) -> str:
    """What went wrong, and what to do about it."""
    code = error.response["Error"]["Code"]
    if code == "ModelError":
        said = error.response.get("OriginalMessage", "")
        with contextlib.suppress(ValueError, KeyError, TypeError):
            said = json.loads(said)["message"]
        return f"{file}: the endpoint refused it: {said or error}"
    if code in ("ValidationError", "ValidationException"):
        return (f"the endpoint {pipeline.endpoint} does not answer yet: it comes with the first promoted model: "
                "python -m app runs shows how far the runs are")
    return f"{file}: {error}"
