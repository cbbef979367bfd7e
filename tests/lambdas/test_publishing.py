"""Register, publish, verify, restore: the champion serves until a proven model does."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from app.contracts import documents, keys
from app.contracts.dataset import Rle
from app.contracts.evaluation import Comparison, GoldenAnswer, GoldenSet
from app.contracts.prediction import Instance, Prediction, Verdict
from app.contracts.settings import PromotionSettings
from lambdas import publish, register, resolve, restore, verify, withdraw
from lambdas.errors import ChampionMovedError, EndpointBusyError, PublishFailedError, PublishUnfaithfulError
from tests.lambdas.builders import CHAMPION, IMAGE, NEW, OLD, RUN_ID
from tests.lambdas.conftest import EVENTS, SETTINGS, Aws
from tests.lambdas.fakes import client_error

ARTIFACT = "s3://castline-dev-data/runs/r/model.tar.gz"


def event(aws: Aws, token: str, **more: Any) -> dict[str, Any]:
    aws.hold()
    return {"token": token, "execution_arn": aws.arn(), "run_id": RUN_ID, "image_uri": IMAGE,
            "model_artifact": ARTIFACT, **more}  # fmt: skip


def publishing(aws: Aws, champion: str | None = None, token: str = "t-1") -> dict[str, Any]:  # noqa: S107
    return publish.handler(event(aws, token, champion_run_id=champion), None)


def in_service_event() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EVENTS / "endpoint_in_service.json").read_text())
    return loaded


def test_given_no_endpoint_when_published_then_it_is_created_and_answered_when_it_serves(aws: Aws) -> None:
    assert publishing(aws) == {"endpoint_config": NEW}
    assert resolve.handler(in_service_event(), None)["settled"] == "pending"
    aws.sagemaker.serve(NEW)
    assert resolve.handler(in_service_event(), None)["settled"] == "answered"
    [(operation, token, request)] = aws.states.answers
    assert (operation, token, json.loads(request["output"])["status"]) == ("success", "t-1", "InService")


def test_given_a_champion_when_published_then_the_endpoint_is_updated_in_place(aws: Aws) -> None:
    aws.put(keys.CHAMPION, CHAMPION)
    aws.sagemaker.serve(OLD)
    publishing(aws, CHAMPION.run_id)
    assert aws.sagemaker.requests("update_endpoint") == [{"EndpointName": "castline-dev", "EndpointConfigName": NEW}]
    assert set(aws.sagemaker.models) == set(aws.sagemaker.configs) == {NEW}


def test_given_a_rolled_back_update_when_resolved_then_publishing_failed(aws: Aws) -> None:
    aws.put(keys.CHAMPION, CHAMPION)
    aws.sagemaker.serve(OLD)
    publishing(aws, CHAMPION.run_id)
    aws.sagemaker.serve(OLD)
    resolve.handler(in_service_event(), None)
    [(operation, _, request)] = aws.states.answers
    assert (operation, request["error"]) == ("failure", "PublishFailedError")
    assert f"rolled back to {OLD} instead of {NEW}" in request["cause"]


def test_given_the_endpoint_was_not_yet_asked_when_an_event_comes_then_the_old_configuration_is_no_failure(
    aws: Aws,
) -> None:
    """Between storing the token and UpdateEndpoint the endpoint rightly serves the champion."""
    aws.put(keys.CHAMPION, CHAMPION)
    aws.sagemaker.serve(OLD)
    settled = []

    def an_event_comes(operation: str, _: dict[str, Any]) -> None:
        if operation == "update_endpoint":
            settled.append(resolve.handler(in_service_event(), None)["settled"])

    aws.sagemaker.watch = an_event_comes
    publishing(aws, CHAMPION.run_id)
    assert settled == ["pending"]
    assert aws.states.answers == []


def test_given_an_interrupted_publication_when_published_again_then_everything_is_adopted(aws: Aws) -> None:
    publishing(aws)
    publishing(aws, token="t-2")
    assert len(aws.sagemaker.requests("create_endpoint")) == 1
    aws.sagemaker.serve(NEW)
    publishing(aws, token="t-3")
    assert [(operation, token) for operation, token, _ in aws.states.answers] == [("success", "t-3")]


@pytest.mark.parametrize(
    ("status", "config", "deleted"),
    [("Failed", NEW, True), ("OutOfService", OLD, True), ("Updating", OLD, False), ("Deleting", NEW, False)],
)
def test_given_an_endpoint_that_takes_no_update_when_published_then_it_is_tried_again_later(
    aws: Aws, status: str, config: str, deleted: bool
) -> None:
    aws.sagemaker.serve(config, status)
    with pytest.raises(EndpointBusyError, match=status):
        publishing(aws)
    assert bool(aws.sagemaker.requests("delete_endpoint")) is deleted
    assert aws.sagemaker.requests("update_endpoint") == []


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        ("Cannot update in-progress endpoint", "in-progress"),
        ('Could not find endpoint "arn:aws:sagemaker:eu-west-1:1:endpoint/castline-dev".', "deleted in this"),
    ],
)
def test_given_an_endpoint_that_changed_meanwhile_when_published_then_it_is_tried_again_later(
    aws: Aws, refusal: str, words: str
) -> None:
    aws.sagemaker.serve(OLD)
    aws.sagemaker.errors["update_endpoint"] = [client_error("ValidationException", refusal)]
    with pytest.raises(EndpointBusyError, match=words):
        publishing(aws)


def test_given_another_champion_than_the_compared_one_when_published_then_nothing_is_created(aws: Aws) -> None:
    aws.put(keys.CHAMPION, CHAMPION)
    with pytest.raises(ChampionMovedError, match="compared with None"):
        publishing(aws, None)
    assert aws.sagemaker.calls == []


HOLE = Instance("holes", "defect", 0.8, (100.0, 100.0, 20.0, 20.0), 300, Rle((512, 512), "x"))
ANSWER = Prediction(512, 512, (HOLE,), Verdict("NG", ("holes 0.80",)), RUN_ID, 5.0)


def golden(aws: Aws, *predictions: Prediction) -> None:
    answers = tuple(GoldenAnswer(f"{index}.png", prediction) for index, prediction in enumerate(predictions))
    folder = keys.run(RUN_ID, "evaluation", "golden", "")
    aws.put(folder + "golden.json", GoldenSet(RUN_ID, answers))
    for answer in answers:
        aws.put(folder + answer.file, b"image " + answer.file.encode())


def test_given_a_faithful_endpoint_when_verified_then_every_golden_image_was_sent_as_what_it_is(aws: Aws) -> None:
    golden(aws, ANSWER, ANSWER)
    aws.sagemaker.serve(NEW)
    aws.runtime.answer = lambda body, kind: documents.to_json(ANSWER).encode()
    assert verify.handler({"run_id": RUN_ID}, None) == {"golden_images": 2}
    sent = [(request["Body"], request["ContentType"]) for request in aws.runtime.requests("invoke_endpoint")]
    assert sent == [(b"image 0.png", "image/png"), (b"image 1.png", "image/png")]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (dataclasses.replace(ANSWER, instances=()), "holes 0.80 at"),
        (dataclasses.replace(ANSWER, verdict=Verdict("OK", ())), "verdict OK instead of NG"),
        (dataclasses.replace(ANSWER, model_version="old"), "answered by model old"),
        ({"not": "a prediction"}, "answered no prediction"),
    ],
)
def test_given_an_unfaithful_endpoint_when_verified_then_the_run_fails(aws: Aws, answer: Any, words: str) -> None:
    golden(aws, ANSWER)
    aws.sagemaker.serve(NEW)
    aws.runtime.answer = lambda body, kind: documents.to_json(answer).encode()
    with pytest.raises(PublishUnfaithfulError, match=words):
        verify.handler({"run_id": RUN_ID}, None)


def test_given_no_golden_images_when_verified_then_nothing_is_proven(aws: Aws) -> None:
    golden(aws)
    aws.sagemaker.serve(NEW)
    with pytest.raises(PublishUnfaithfulError, match="no golden image"):
        verify.handler({"run_id": RUN_ID}, None)


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (client_error("ModelNotReadyException", "starting"), EndpointBusyError),
        (client_error("ModelError", "loading", OriginalStatusCode=503), EndpointBusyError),
        (client_error("ModelError", "crashed", OriginalStatusCode=500), PublishUnfaithfulError),
    ],
)
def test_given_an_endpoint_that_does_not_answer_when_verified_then_only_starting_is_waited_for(
    aws: Aws, error: Any, raised: type[Exception]
) -> None:
    golden(aws, ANSWER)
    aws.sagemaker.serve(NEW)
    aws.runtime.errors["invoke_endpoint"] = [error]
    with pytest.raises(raised):
        verify.handler({"run_id": RUN_ID}, None)


@pytest.mark.parametrize(("config", "status"), [(OLD, "InService"), (NEW, "Updating")])
def test_given_another_configuration_serves_when_verified_then_publishing_failed(
    aws: Aws, config: str, status: str
) -> None:
    golden(aws, ANSWER)
    aws.sagemaker.serve(config, status)
    with pytest.raises(PublishFailedError, match=f"not InService with {NEW}"):
        verify.handler({"run_id": RUN_ID}, None)


def registering(aws: Aws, token: str = "t-1") -> str:  # noqa: S107
    answer = register.handler(event(aws, token, version="v1", mask_ap=0.4), None)
    return str(answer["model_package_arn"])


def test_given_nobody_is_asked_when_registered_then_the_token_is_answered_at_once(aws: Aws) -> None:
    arn = registering(aws)
    [(operation, _, request)] = aws.states.answers
    output = json.loads(request["output"])
    assert (operation, output["status"], output["detail"]["model_package_arn"]) == ("success", "Approved", arn)
    assert aws.sns.calls == []


def test_given_a_person_is_asked_when_registered_then_the_answer_comes_with_the_decision(aws: Aws) -> None:
    aws.configure(dataclasses.replace(SETTINGS, promotion=PromotionSettings(require_approval=True)))
    arn = registering(aws)
    assert aws.states.answers == []
    assert registering(aws, "t-2") == arn  # attached again, not registered twice
    aws.sagemaker.packages[arn]["ModelApprovalStatus"] = "Rejected"
    resolve.handler({"detail": {"ModelPackageArn": arn, "ModelApprovalStatus": "Rejected"}}, None)
    [(operation, token, request)] = aws.states.answers
    assert (operation, token, json.loads(request["output"])["status"]) == ("success", "t-2", "Rejected")


def waiting_for_a_person(aws: Aws) -> str:
    aws.configure(dataclasses.replace(SETTINGS, promotion=PromotionSettings(require_approval=True)))
    return registering(aws)


def test_given_a_person_is_asked_when_registered_then_they_are_told_the_figures_and_what_to_do(aws: Aws) -> None:
    comparison = Comparison(True, ("gain 0.10 (0.05 to 0.15)",), 0.5, 0.4, 0.05, 0.15)
    aws.put(keys.run(RUN_ID, "evaluation", "comparison.json"), comparison)
    waiting_for_a_person(aws)
    [message] = aws.sns.requests("publish")
    assert message["Subject"] == f"Castline run {RUN_ID}: approve or reject its model"
    lines = message["Message"].splitlines()
    assert lines[1:4] == [
        "Mask AP: 0.500 (champion 0.400)",
        "- gain 0.10 (0.05 to 0.15)",
        f"Report: s3://castline-dev-data/runs/{RUN_ID}/evaluation/report.html",
    ]
    assert lines[4] == f"Yes: python -m app approve {RUN_ID}"
    assert "within 14 days it is rejected" in lines[-1]


def test_given_nobody_can_be_told_when_a_person_is_asked_then_the_run_waits_all_the_same(
    aws: Aws, caplog: pytest.LogCaptureFixture
) -> None:
    aws.sns.errors["publish"] = [client_error("InternalError", "no")]
    arn = waiting_for_a_person(aws)
    assert [item.job_name for item in aws.table.jobs()] == [arn]
    assert f"could not ask for an approval of run {RUN_ID}" in caplog.text


def test_given_nobody_has_decided_when_withdrawn_then_the_model_is_rejected_and_nobody_waits(aws: Aws) -> None:
    arn = waiting_for_a_person(aws)
    answer = withdraw.handler({"run_id": RUN_ID}, None)
    assert (answer["status"], answer["detail"]) == (
        "Rejected",
        {"model_package_arn": arn, "note": "nobody decided within 14 days"},
    )
    assert aws.sagemaker.packages[arn]["ModelApprovalStatus"] == "Rejected"
    assert list(aws.table.jobs()) == []


def test_given_a_decision_in_the_last_second_when_withdrawn_then_it_stands(aws: Aws) -> None:
    arn = waiting_for_a_person(aws)
    aws.sagemaker.packages[arn]["ModelApprovalStatus"] = "Approved"
    assert withdraw.handler({"run_id": RUN_ID}, None)["status"] == "Approved"
    assert aws.sagemaker.requests("update_model_package") == []


def test_given_no_package_when_withdrawn_then_it_is_said(aws: Aws) -> None:
    aws.hold()
    with pytest.raises(LookupError, match=f"run {RUN_ID} has no model package in castline-dev"):
        withdraw.handler({"run_id": RUN_ID}, None)


def restoring(aws: Aws) -> dict[str, Any]:
    [arn] = aws.sagemaker.packages
    error = {"Error": "PublishUnfaithfulError", "Cause": "2 differences"}
    registration = {"detail": {"model_package_arn": arn}}
    return restore.handler({"state": {"run": {"run_id": RUN_ID}, "registration": registration, "error": error}}, None)


def test_given_a_failed_publication_when_restored_then_the_champion_serves_and_the_model_is_rejected(aws: Aws) -> None:
    aws.put(keys.CHAMPION, CHAMPION)
    arn = registering(aws)
    aws.sagemaker.serve(NEW)
    with pytest.raises(EndpointBusyError, match=f"goes back to {OLD}"):
        restoring(aws)
    with pytest.raises(EndpointBusyError, match=f"goes back to {OLD}"):
        restoring(aws)
    assert len(aws.sagemaker.requests("update_endpoint")) == 1
    aws.sagemaker.serve(OLD)
    assert restoring(aws) == {"serves": f"champion {CHAMPION.run_id} serves"}
    package = aws.sagemaker.packages[arn]
    assert package["ModelApprovalStatus"] == "Rejected"
    assert package["ApprovalDescription"] == "PublishUnfaithfulError: 2 differences"


def test_given_a_failed_first_publication_when_restored_then_no_endpoint_is_left(aws: Aws) -> None:
    registering(aws)
    aws.sagemaker.serve(NEW, "Failed")
    with pytest.raises(EndpointBusyError, match="being deleted"):
        restoring(aws)
    with pytest.raises(EndpointBusyError, match="being deleted"):
        restoring(aws)
    assert len(aws.sagemaker.requests("delete_endpoint")) == 1
    aws.sagemaker.endpoint = None
    assert restoring(aws) == {"serves": "no endpoint, because there is no champion yet"}


def test_given_nothing_was_registered_when_restored_then_the_registry_is_left_alone(aws: Aws) -> None:
    aws.hold()
    error = {"Error": "HeadMovedError", "Cause": "rolled back"}
    restore.handler({"state": {"run": {"run_id": RUN_ID}, "error": error}}, None)
    assert aws.sagemaker.requests("update_model_package") == []


def test_given_a_failed_endpoint_when_restored_then_it_is_built_again_for_the_champion(aws: Aws) -> None:
    aws.put(keys.CHAMPION, CHAMPION)
    registering(aws)
    aws.sagemaker.serve(NEW, "Failed")
    with pytest.raises(EndpointBusyError, match="deleted first"):
        restoring(aws)
    aws.sagemaker.endpoint = None
    with pytest.raises(EndpointBusyError, match="goes back"):
        restoring(aws)
    assert aws.sagemaker.requests("create_endpoint")[0]["EndpointConfigName"] == OLD


def test_given_a_registry_that_refuses_when_restored_then_the_champion_serves_all_the_same(
    aws: Aws, caplog: pytest.LogCaptureFixture
) -> None:
    aws.put(keys.CHAMPION, CHAMPION)
    arn = registering(aws)
    aws.sagemaker.serve(OLD)
    aws.sagemaker.errors["update_model_package"] = [client_error("AccessDeniedException", "no")]
    assert restoring(aws) == {"serves": f"champion {CHAMPION.run_id} serves"}
    assert f"could not reject {arn}" in caplog.text
