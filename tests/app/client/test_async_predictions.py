"""An async endpoint is asked through the bucket, and waited for."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from app.client import async_predictions, predictions
from app.client.pipeline import Pipeline, PipelineError
from app.contracts import documents, keys
from app.contracts.prediction import Prediction, Verdict

OK = Prediction(8, 8, (), Verdict("OK", ()), "run-1", 1.0)
ANSWER, FAILURE = "serving/answers/1.out", "serving/failures/1-error.out"


class Aws:
    """S3 as a dict, and an async endpoint that remembers what it was asked."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.asked: list[dict[str, Any]] = []
        self.waits: list[float] = []
        self.comes_after = 0
        self.comes: tuple[str, bytes] = (ANSWER, documents.to_json(OK).encode())

    def put_object(self, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803
        self.objects[Key] = Body

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": Key}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[Key])}

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        return {"EndpointStatus": "InService", "AsyncInferenceConfig": {"OutputConfig": {}}}

    def invoke_endpoint_async(self, **request: Any) -> dict[str, str]:
        self.asked.append(request)
        if not self.comes_after:
            self.objects[self.comes[0]] = self.comes[1]
        return {"OutputLocation": f"s3://data/{ANSWER}", "FailureLocation": f"s3://data/{FAILURE}"}

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        if len(self.waits) == self.comes_after:
            self.objects[self.comes[0]] = self.comes[1]


@pytest.fixture
def aws() -> Aws:
    return Aws()


@pytest.fixture
def pipeline(aws: Aws) -> Pipeline:
    return Pipeline(lambda _: aws, "dev", False, "data", "state", "arn", "gate", "castline-dev")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "cast 1.jpeg"
    path.write_bytes(b"image")
    return path


def test_given_an_async_endpoint_when_asked_then_the_image_goes_through_the_bucket(
    aws: Aws, pipeline: Pipeline, image: Path
) -> None:
    assert predictions.predict(pipeline, image, 0.25).prediction == OK
    [asked] = aws.asked
    bucket, key = keys.split_uri(asked.pop("InputLocation"))
    assert (bucket, key.startswith(keys.SERVING_REQUESTS), aws.objects[key]) == ("data", True, b"image")
    assert asked == {"EndpointName": "castline-dev", "ContentType": "image/jpeg", "Accept": "application/json",
                     "CustomAttributes": "min_score=0.25"}  # fmt: skip


def test_given_no_machine_when_asked_then_it_is_waited_for_ever_longer(
    aws: Aws, pipeline: Pipeline, image: Path
) -> None:
    aws.comes_after = 7
    assert async_predictions.ask(pipeline, image, {}, aws.wait) == aws.comes[1]
    assert aws.waits == [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (b'Received client error (400) from primary with message "{"error": "not-an-image", "message": "is no JPEG"}"',
         "the endpoint refused it: is no JPEG"),
        (b"Model server is gone", "the endpoint refused it: Model server is gone"),
    ],
)  # fmt: skip
def test_given_a_failure_when_asked_then_its_reason_is_said(
    aws: Aws, pipeline: Pipeline, image: Path, written: bytes, said: str
) -> None:
    aws.comes = (FAILURE, written)
    with pytest.raises(PipelineError, match=said):
        predictions.predict(pipeline, image)


def test_given_no_answer_at_all_when_asked_then_it_says_where_the_answer_will_come(
    aws: Aws, pipeline: Pipeline, image: Path
) -> None:
    aws.comes_after = -1
    with pytest.raises(PipelineError, match=r"no answer after 30 minutes: it comes to s3://data/serving/answers/1\.out"):
        async_predictions.ask(pipeline, image, {}, aws.wait)
    assert 1800 <= sum(aws.waits) < 1810
