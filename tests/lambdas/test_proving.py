"""An async endpoint is proven by answers that come to S3; a rollout is watched while golden images are sent."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from app.contracts import documents, keys
from app.contracts.evaluation import GoldenAnswer, GoldenSet
from app.contracts.prediction import Prediction, Verdict
from app.contracts.settings import ServingSettings
from lambdas import bake, verify
from lambdas.environment import current
from lambdas.errors import EndpointBusyError, PublishUnfaithfulError
from lambdas.requests import serving
from tests.lambdas.builders import OLD_RUN_ID, RUN_ID, SETTINGS
from tests.lambdas.conftest import Aws

OK = Prediction(8, 8, (), Verdict("OK", ()), RUN_ID, 1.0)


@pytest.fixture
def asynchronous(aws: Aws) -> Aws:
    """An async endpoint that serves a run with two golden images."""
    aws.configure(dataclasses.replace(SETTINGS, serving=ServingSettings(mode="async")))
    golden(aws)
    aws.sagemaker.serve(serving.name(current(), RUN_ID), mode="async")
    return aws


def golden(aws: Aws) -> None:
    folder = keys.run(RUN_ID, "evaluation", "golden", "")
    aws.put(folder + "golden.json", GoldenSet(RUN_ID, (GoldenAnswer("0.png", OK), GoldenAnswer("1.jpg", OK))))
    for name in ("0.png", "1.jpg"):
        aws.put(folder + name, name.encode())


def verifying() -> dict[str, Any]:
    config = serving.name(current(), RUN_ID)
    return verify.handler({"run_id": RUN_ID, "endpoint_config": config}, None)


def answer(aws: Aws, number: int, prediction: Any = OK) -> None:
    aws.put(f"{keys.SERVING_ANSWERS}{number}.out", prediction)


def test_given_async_when_verified_then_it_is_asked_once_and_compared_when_all_answers_are_there(
    asynchronous: Aws,
) -> None:
    with pytest.raises(EndpointBusyError, match="was asked about 2 golden images"):
        verifying()
    answer(asynchronous, 1)
    with pytest.raises(EndpointBusyError, match=r"not answered 1\.jpg yet"):
        verifying()
    answer(asynchronous, 2)
    assert verifying() == {"golden_images": 2}
    asked = asynchronous.runtime.requests("invoke_endpoint_async")
    folder = f"s3://castline-dev-data/runs/{RUN_ID}/evaluation/golden"
    assert [(r["InputLocation"], r["ContentType"]) for r in asked] == [
        (f"{folder}/0.png", "image/png"), (f"{folder}/1.jpg", "image/jpeg")
    ]  # fmt: skip
    assert asynchronous.runtime.requests("invoke_endpoint") == []
    assert asynchronous.autoscaling.target is not None  # what is proven may scale


def test_given_an_earlier_proof_of_the_same_configuration_when_verified_then_it_is_asked_anew(
    asynchronous: Aws,
) -> None:
    for first in (1, 3):
        with pytest.raises(EndpointBusyError, match="was asked"):
            verifying()
        answer(asynchronous, first)
        answer(asynchronous, first + 1)
        verifying()
    assert len(asynchronous.runtime.requests("invoke_endpoint_async")) == 4


def test_given_a_failure_instead_of_an_answer_when_verified_then_it_is_unfaithful_and_says_why(
    asynchronous: Aws,
) -> None:
    with pytest.raises(EndpointBusyError):
        verifying()
    answer(asynchronous, 1)
    asynchronous.put(f"{keys.SERVING_FAILURES}2-error.out", b"the model crashed")
    with pytest.raises(PublishUnfaithfulError, match=r"failed on 1\.jpg: the model crashed"):
        verifying()
    assert asynchronous.autoscaling.target is None


def test_given_a_wrong_answer_when_verified_then_it_is_unfaithful(asynchronous: Aws) -> None:
    with pytest.raises(EndpointBusyError):
        verifying()
    answer(asynchronous, 1, dataclasses.replace(OK, verdict=Verdict("NG", ("x",))))
    answer(asynchronous, 2)
    with pytest.raises(PublishUnfaithfulError, match=r"0\.png: verdict NG instead of OK"):
        verifying()


def baking(aws: Aws, mode: str, stage: str, config: str) -> None:
    """An update of the endpoint goes on."""
    aws.sagemaker.serve(serving.name(current(), OLD_RUN_ID), "Updating", mode=mode)
    assert aws.sagemaker.endpoint is not None
    aws.sagemaker.endpoint["PendingDeploymentSummary"] = {
        "EndpointConfigName": config,
        "ProductionVariants": [{"VariantName": "AllTraffic", "VariantStatus": [{"Status": stage}]}],
    }


def test_given_new_machines_that_are_watched_when_the_clock_strikes_then_they_are_asked(aws: Aws) -> None:
    aws.configure(dataclasses.replace(SETTINGS, serving=ServingSettings(mode="realtime")))
    golden(aws)
    config = serving.name(current(), RUN_ID)
    aws.runtime.answer = lambda body, kind: documents.to_json(OK).encode()
    baking(aws, "realtime", "Creating", config)
    assert bake.handler({}, None) == {"endpoint_config": "", "sent": 0}
    baking(aws, "realtime", "Baking", config)
    assert bake.handler({}, None) == {"endpoint_config": config, "sent": 2}
    assert [r["Body"] for r in aws.runtime.requests("invoke_endpoint")] == [b"0.png", b"1.jpg"]
    aws.runtime.answer = lambda body, kind: b"no prediction"  # what the alarms are for
    assert bake.handler({}, None)["sent"] == 2


def test_given_new_machines_of_an_async_endpoint_then_they_are_asked_through_s3(aws: Aws) -> None:
    aws.configure(dataclasses.replace(SETTINGS, serving=ServingSettings(mode="async")))
    golden(aws)
    baking(aws, "async", "ActivatingTraffic", serving.name(current(), RUN_ID))
    bake.handler({}, None)
    assert len(aws.runtime.requests("invoke_endpoint_async")) == 2


def test_given_nothing_changes_or_a_configuration_of_somebody_else_then_nobody_is_asked(aws: Aws) -> None:
    assert bake.handler({}, None)["sent"] == 0
    baking(aws, "realtime", "Baking", "castline-dev-by-hand")
    assert bake.handler({}, None) == {"endpoint_config": "castline-dev-by-hand", "sent": 0}
    assert aws.runtime.calls == []
