"""The champion follows the settings to another mode or machine, and is never lost on the way."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import Any

import pytest

from app.contracts import documents, keys
from app.contracts.evaluation import GoldenAnswer, GoldenSet
from app.contracts.prediction import Prediction, Verdict
from app.contracts.runs import Champion
from app.contracts.settings import ServingSettings
from lambdas import move, publish, reconcile
from lambdas.aws.endpoint import champion as pointer
from lambdas.aws.table import Move
from lambdas.environment import current
from lambdas.errors import EndpointBusyError, PublishFailedError
from lambdas.requests import serving
from tests.lambdas.builders import CHAMPION, IMAGE, OLD, OLD_RUN_ID, RUN_ID, SETTINGS
from tests.lambdas.conftest import Aws
from tests.lambdas.fakes import client_error

ANSWER = Prediction(8, 8, (), Verdict("OK", ()), OLD_RUN_ID, 1.0)
TRIAL = "castline-dev-trial"
VERDICT = {"CASTLINE_VERDICT": '{"min_area_px":7,"min_score":0.9}', "CASTLINE_MODEL_VERSION": OLD_RUN_ID}
REALTIME = ServingSettings(mode="realtime")


@pytest.fixture
def served(aws: Aws) -> Aws:
    """A serverless champion that answers faithfully; its verdict was decided otherwise than now."""
    container = {"Image": CHAMPION.image_uri, "ModelDataUrl": CHAMPION.model_artifact, "Environment": VERDICT}
    aws.sagemaker.models[OLD] = {"PrimaryContainer": container, "ModelArn": "arn"}
    variant = {"ModelName": OLD, "ServerlessConfig": {"MemorySizeInMB": 6144, "MaxConcurrency": 5}}
    aws.sagemaker.configs[OLD] = {"EndpointConfigName": OLD, "ProductionVariants": [variant]}
    aws.put(keys.CHAMPION, CHAMPION)
    aws.sagemaker.serve(OLD)
    folder = keys.run(OLD_RUN_ID, "evaluation", "golden", "")
    aws.put(folder + "golden.json", GoldenSet(OLD_RUN_ID, (GoldenAnswer("0.png", ANSWER),)))
    aws.put(folder + "0.png", b"image")
    aws.runtime.answer = lambda body, kind: documents.to_json(ANSWER).encode()
    return aws


def serve(aws: Aws, settings: ServingSettings) -> str:
    """Deploy other settings; the name of the configuration that the champion is to have."""
    aws.configure(dataclasses.replace(SETTINGS, serving=settings))
    return serving.name(current(), OLD_RUN_ID)


def step(**event: Any) -> str:
    return str(move.handler(event, None)["moved"])


def champion() -> Champion:
    found = pointer(current())
    assert found is not None
    return found.document


def test_given_another_mode_then_it_is_tried_beside_then_changed_in_place_then_pointed_at(served: Aws) -> None:
    wanted = serve(served, REALTIME)
    assert TRIAL in step()
    assert served.sagemaker.endpoint is not None
    assert served.sagemaker.endpoint["EndpointConfigName"] == OLD
    assert step() == f"endpoint {TRIAL} is Creating"
    served.sagemaker.serve(wanted, name=TRIAL, mode="realtime")
    assert step() == f"endpoint castline-dev changes to {wanted}"
    assert [r["EndpointName"] for r in served.runtime.requests("invoke_endpoint")] == [TRIAL]
    [update] = served.sagemaker.requests("update_endpoint")
    assert update == {"EndpointName": "castline-dev", "EndpointConfigName": wanted}
    assert served.sagemaker.trial is not None
    assert served.sagemaker.trial["EndpointStatus"] == "Deleting"
    assert champion() == CHAMPION  # until it is proven where it serves
    served.sagemaker.serve(wanted, mode="realtime")
    assert step() == f"champion {OLD_RUN_ID} serves on {wanted}"
    assert champion() == dataclasses.replace(CHAMPION, endpoint_config=wanted)
    assert served.table.move() is None
    assert step() == f"champion {OLD_RUN_ID} serves as the settings say"


def test_given_a_champion_then_it_moves_as_it_was_proven(served: Aws) -> None:
    """A verdict that was decided anew since then would answer the golden images otherwise."""
    wanted = serve(served, REALTIME)
    step()
    container = served.sagemaker.models[wanted]["PrimaryContainer"]
    assert container["Environment"] == VERDICT
    assert (container["Image"], container["ModelDataUrl"]) == (CHAMPION.image_uri, CHAMPION.model_artifact)
    assert served.sagemaker.models[wanted]["EnableNetworkIsolation"] is True


def test_given_a_champion_whose_model_somebody_deleted_then_it_is_made_again(served: Aws) -> None:
    del served.sagemaker.models[OLD]
    wanted = serve(served, REALTIME)
    step()
    container = served.sagemaker.models[wanted]["PrimaryContainer"]
    assert container["Environment"]["CASTLINE_MODEL_VERSION"] == OLD_RUN_ID
    assert container["Image"] == CHAMPION.image_uri


def realtime_champion(aws: Aws) -> Champion:
    """Whose settings become serverless."""
    config = serve(aws, REALTIME)
    variant = {"ModelName": OLD, "InstanceType": "ml.m5.xlarge", "InitialInstanceCount": 1}
    aws.sagemaker.configs[config] = {"EndpointConfigName": config, "ProductionVariants": [variant]}
    document = dataclasses.replace(CHAMPION, endpoint_config=config)
    aws.put(keys.CHAMPION, document)
    aws.sagemaker.serve(config, mode="realtime")
    return document


def test_given_a_mode_that_sagemaker_does_not_change_to_then_it_is_proven_before_the_endpoint_is_created_again(
    served: Aws,
) -> None:
    before = realtime_champion(served)
    wanted = serve(served, ServingSettings())
    step()
    served.sagemaker.serve(wanted, name=TRIAL)
    served.sagemaker.calls.clear()
    assert step() == f"endpoint castline-dev changes to {wanted}"
    changes = [(o, r.get("EndpointName")) for o, r in served.sagemaker.calls
               if o in ("delete_endpoint", "create_endpoint", "wait_endpoint_deleted")]  # fmt: skip
    assert changes == [
        ("delete_endpoint", TRIAL), ("delete_endpoint", "castline-dev"), ("wait_endpoint_deleted", None),
        ("create_endpoint", "castline-dev"),
    ]  # fmt: skip
    assert served.autoscaling.requests("deregister_scalable_target")
    assert champion() == before
    served.sagemaker.serve(wanted)
    assert step() == f"champion {OLD_RUN_ID} serves on {wanted}"


def test_given_the_step_dies_between_deletion_and_creation_then_the_next_one_creates_it(served: Aws) -> None:
    realtime_champion(served)
    wanted = serve(served, ServingSettings())
    step()
    served.sagemaker.serve(wanted, name=TRIAL)
    served.sagemaker.errors["create_endpoint"] = [client_error("InternalFailure", "died")]
    with pytest.raises(Exception, match="died"):
        step()
    assert served.sagemaker.endpoint is None
    assert step() == "another step is being taken"
    later(served, seconds=301)
    step()
    assert served.sagemaker.endpoint is not None
    assert served.sagemaker.endpoint["EndpointConfigName"] == wanted


def later(aws: Aws, **by: int) -> None:
    """Time has passed since the last step."""
    seen = aws.table.move()
    assert seen is not None
    earlier = {name: (dt.datetime.fromisoformat(value) - dt.timedelta(**by)).isoformat()
               for name in ("at", "busy_until") if (value := getattr(seen, name))}  # fmt: skip
    aws.table.put_move(dataclasses.replace(seen, **earlier))


def test_given_a_trial_that_fails_then_the_champion_was_never_touched_and_people_are_told(served: Aws) -> None:
    wanted = serve(served, REALTIME)
    step()
    served.sagemaker.serve(wanted, "Failed", name=TRIAL, mode="realtime")
    assert step().startswith(f"champion {OLD_RUN_ID} serves: endpoint {TRIAL} is Failed")
    assert served.sagemaker.requests("update_endpoint") == []
    assert [r["EndpointName"] for r in served.sagemaker.requests("delete_endpoint")] == [TRIAL]
    [told] = served.sns.requests("publish")
    assert "cannot serve as the settings say" in told["Message"]
    assert step().startswith(f"stays on {OLD}: endpoint {TRIAL} is Failed")
    later(served, days=1, seconds=1)
    served.sagemaker.trial = None
    assert "tries" in step()


def test_given_a_quota_that_is_used_up_then_it_stays_and_a_person_may_try_again(served: Aws) -> None:
    serve(served, REALTIME)
    served.sagemaker.errors["create_endpoint"] = [client_error("ResourceLimitExceeded", "ml.m5.xlarge: 0")]
    assert step() == f"champion {OLD_RUN_ID} serves: ResourceLimitExceeded: ml.m5.xlarge: 0"
    assert "stays on" in step()
    assert "tries" in step(again=True)


def test_given_a_wrong_answer_on_the_trial_then_it_stays(served: Aws) -> None:
    wanted = serve(served, REALTIME)
    step()
    served.sagemaker.serve(wanted, name=TRIAL, mode="realtime")
    wrong = documents.to_json(dataclasses.replace(ANSWER, model_version="x")).encode()
    served.runtime.answer = lambda body, kind: wrong
    assert "answered by model x" in step()
    assert served.sagemaker.requests("update_endpoint") == []


def test_given_other_machines_of_the_same_mode_then_nothing_is_tried_beside(served: Aws) -> None:
    before = realtime_champion(served)
    wanted = serve(served, dataclasses.replace(REALTIME, instance_type="ml.g5.xlarge"))
    assert step() == f"endpoint castline-dev changes to {wanted}"
    [update] = served.sagemaker.requests("update_endpoint")
    assert update["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    assert served.sagemaker.trial is None
    served.sagemaker.serve(before.endpoint_config, mode="realtime")  # silently rolled back
    assert "is InService on" in step()
    assert champion() == before
    assert step().startswith("stays on")


def test_given_a_run_is_active_then_only_its_own_publication_moves_the_champion(served: Aws) -> None:
    serve(served, REALTIME)
    served.hold(RUN_ID)
    assert step() == f"run {RUN_ID} is active"
    assert "tries" in step(run_id=RUN_ID)


def test_given_two_steps_at_once_then_one_is_taken(served: Aws) -> None:
    wanted = serve(served, REALTIME)
    busy = (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=60)).isoformat()
    served.table.put_move(Move(wanted, "begun", "t1", busy_until=busy))
    assert step() == "another step is being taken"
    seen = served.table.move()
    assert served.table.take_move(dataclasses.replace(Move(wanted, "begun", "t2")), seen)
    assert not served.table.take_move(Move(wanted, "begun", "t3"), seen)


def test_given_the_champion_changes_while_it_is_proven_then_the_new_pointer_is_kept(served: Aws) -> None:
    wanted = serve(served, REALTIME)
    served.sagemaker.serve(wanted, mode="realtime")
    rolled_back = dataclasses.replace(CHAMPION, run_id="20261031-110000-aaaaaa")

    def somebody_rolls_back(body: bytes, kind: str) -> bytes:
        served.put(keys.CHAMPION, rolled_back)
        return documents.to_json(ANSWER).encode()

    served.runtime.answer = somebody_rolls_back
    assert step() == "the champion changed meanwhile"
    assert champion() == rolled_back


def asked_of(aws: Aws) -> list[dict[str, Any]]:
    calls = [request for request in aws.gate.requests("invoke") if request["FunctionName"] == "castline-dev-move"]
    return [json.loads(request["Payload"]) for request in calls]


def test_given_settings_that_changed_when_the_clock_strikes_then_the_champion_follows(served: Aws) -> None:
    serve(served, REALTIME)
    assert reconcile.handler({}, None)["endpoint"] == f"champion {OLD_RUN_ID} follows the settings"
    assert asked_of(served) == [{"run_id": ""}]
    assert served.sagemaker.requests("update_endpoint") == []


def test_given_a_change_that_failed_when_the_clock_strikes_then_the_champion_is_kept_as_it_serves(served: Aws) -> None:
    wanted = serve(served, REALTIME)
    served.table.put_move(Move(wanted, "failed", dt.datetime.now(dt.UTC).isoformat(), "no quota"))
    assert reconcile.handler({}, None)["endpoint"] == f"champion {OLD_RUN_ID} serves"
    assert asked_of(served) == []


def test_given_settings_that_went_back_when_the_failed_mode_is_asked_for_anew_then_it_is_tried(served: Aws) -> None:
    served.table.put_move(Move(serve(served, REALTIME), "failed", dt.datetime.now(dt.UTC).isoformat(), "no quota"))
    before = serve(served, SETTINGS.serving)
    served.put(keys.CHAMPION, dataclasses.replace(CHAMPION, endpoint_config=before))
    served.sagemaker.serve(before)
    assert reconcile.handler({}, None)["endpoint"] == f"champion {OLD_RUN_ID} serves"
    serve(served, REALTIME)
    assert reconcile.handler({}, None)["endpoint"] == f"champion {OLD_RUN_ID} follows the settings"


def publishing(aws: Aws) -> dict[str, Any]:
    aws.hold(RUN_ID)
    event = {"token": "t", "execution_arn": aws.arn(), "run_id": RUN_ID, "image_uri": IMAGE,
             "model_artifact": "s3://castline-dev-data/runs/r/model.tar.gz", "champion_run_id": OLD_RUN_ID}  # fmt: skip
    return publish.handler(event, None)


def test_given_a_new_model_in_another_mode_then_the_champion_changes_first(served: Aws) -> None:
    """Otherwise it could not come back when the new model fails."""
    wanted = serve(served, REALTIME)
    with pytest.raises(EndpointBusyError, match="changes from serverless to realtime first"):
        publishing(served)
    assert asked_of(served) == [{"run_id": RUN_ID}]
    assert served.sagemaker.requests("update_endpoint") == []
    served.sagemaker.serve(wanted, mode="realtime")
    assert publishing(served) == {"endpoint_config": serving.name(current(), RUN_ID)}


def test_given_a_mode_that_the_champion_could_not_take_then_no_new_model_is_published_in_it(served: Aws) -> None:
    wanted = serve(served, REALTIME)
    served.table.put_move(Move(wanted, "failed", dt.datetime.now(dt.UTC).isoformat(), "no quota"))
    with pytest.raises(PublishFailedError, match="cannot be served realtime, so no other model is: no quota"):
        publishing(served)
    assert served.sagemaker.requests("update_endpoint") == []


def test_given_a_first_model_then_nobody_has_to_change_first(aws: Aws) -> None:
    serve(aws, REALTIME)
    aws.hold(RUN_ID)
    event = {"token": "t", "execution_arn": aws.arn(), "run_id": RUN_ID, "image_uri": IMAGE,
             "model_artifact": "s3://castline-dev-data/runs/r/model.tar.gz", "champion_run_id": None}  # fmt: skip
    publish.handler(event, None)
    assert len(aws.sagemaker.requests("create_endpoint")) == 1
