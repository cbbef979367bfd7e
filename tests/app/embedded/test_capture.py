"""Samples of requests and answers that the local SageMaker writes to S3."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest

from app.embedded.sagemaker.capture import Capture
from app.embedded.sagemaker.fleets import Fleet
from app.embedded.sagemaker.servers import Reply

from .conftest import BUCKET, Local, wait_until
from .serving import ENDPOINT, SERVES, add, ask, create, described, instances

KEY = re.compile(rf"captured/{ENDPOINT}/all/\d{{4}}/\d\d/\d\d/\d\d/\d\d-\d\d-\d{{3}}-[0-9a-f-]{{36}}\.jsonl")


def config(percent: int, *modes: str, **members: Any) -> dict[str, Any]:
    return {"InitialSamplingPercentage": percent, "DestinationS3Uri": f"s3://{BUCKET}/captured",
            "CaptureOptions": [{"CaptureMode": mode} for mode in modes or ("Input", "Output")], **members}


def lines(local: Local) -> list[dict[str, Any]]:
    """All that was captured."""
    return [json.loads(line) for key in local.objects("captured/") for line in local.text(key).splitlines()]


def test_request_and_answer_are_captured_as_json_lines(local: Local) -> None:
    local.program("serve", SERVES)
    capture = config(100, CaptureContentTypeHeader={"JsonContentTypes": ["application/json"]})
    add(local, "first", b"first", instances(1), DataCaptureConfig=capture)
    create(local, "first")
    assert described(local)["DataCaptureConfig"] == {
        "EnableCapture": True, "CaptureStatus": "Started", "CurrentSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{BUCKET}/captured", "KmsKeyId": ""}
    assert ask(local, b"\xff\xd8", **{"x-amzn-sagemaker-inference-id": "part-7",
                                     "x-amzn-sagemaker-custom-attributes": "!"})[0] == 200
    assert ask(local, b"crash")[0] == 424  # an error is not captured
    wait_until(lambda: local.objects("captured/"))
    [key], [line] = local.objects("captured/"), lines(local)
    assert KEY.fullmatch(key)
    assert line["captureData"]["endpointInput"] == {
        "observedContentType": "image/png", "mode": "INPUT", "data": base64.b64encode(b"\xff\xd8").decode(),
        "encoding": "BASE64"}
    assert line["captureData"]["endpointOutput"] == {
        "observedContentType": "application/json", "mode": "OUTPUT", "data": "first\ufffd\ufffd!", "encoding": "JSON"}
    assert line["eventVersion"] == "0"
    metadata = line["eventMetadata"]
    assert (metadata["inferenceId"], metadata["customAttributes"]) == ("part-7", ["!"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", metadata["inferenceTime"])


@pytest.mark.parametrize(("capture", "captured"), [
    (config(30), [b"0", b"1"]),  # draws of 0.1, 0.29, 0.3, 0.99
    (config(0), []), (config(100, EnableCapture=False), []), (config(100), [b"0", b"1", b"2", b"3"]),
], ids=["sampled", "none", "disabled", "all"])
def test_sampling_percentage_decides(local: Local, capture: dict[str, Any], captured: list[bytes]) -> None:
    draws = iter([0.1, 0.29, 0.3, 0.99])
    sampler = Capture(lambda: next(draws))
    fleet = Fleet(ENDPOINT, {"ProductionVariants": [{"VariantName": "all"}], "DataCaptureConfig": capture}, None, 1)
    for number in range(4):
        sampler.offer(local.s3, fleet, {}, b"%d" % number, Reply(200, b"answer", "application/json", 0.1))
    sampler.flush()
    found = [base64.b64decode(line["captureData"]["endpointInput"]["data"]) for line in lines(local)]
    assert found == captured


def test_only_what_is_asked_for_is_captured(local: Local) -> None:
    sampler = Capture()
    capture = config(100, "Output", CaptureContentTypeHeader={"CsvContentTypes": ["text/csv"]})
    fleet = Fleet(ENDPOINT, {"ProductionVariants": [{"VariantName": "all"}], "DataCaptureConfig": capture}, None, 1)
    sampler.offer(local.s3, fleet, {}, b"in", Reply(200, b"1,2", "text/csv; charset=utf-8", 0.1))
    sampler.flush()
    assert [line["captureData"] for line in lines(local)] == [{"endpointOutput": {
        "observedContentType": "text/csv; charset=utf-8", "mode": "OUTPUT", "data": "1,2", "encoding": "CSV"}}]
