"""Requests about serving in each mode, checked by botocore's service model."""

from __future__ import annotations

from typing import Any

import pytest

from app.contracts import names
from app.contracts.settings import ScalingSettings
from lambdas.requests import serving
from tests.lambdas.builders import IMAGE, NEW, OLD, RUN_ID, environment
from tests.lambdas.builders import serving_environment as served
from tests.lambdas.fakes import assert_valid

ARTIFACT = f"s3://castline-dev-data/runs/{RUN_ID}/model/job/output/model.tar.gz"
CONTAINER = serving.container(environment(), RUN_ID, IMAGE, ARTIFACT)


def test_given_serverless_when_published_then_nothing_is_asked_that_serverless_refuses() -> None:
    here = served(mode="serverless", memory_mb=4096, max_concurrency=2)
    model, config = serving.model(here, RUN_ID, CONTAINER), serving.endpoint_config(here, RUN_ID)
    assert_valid("sagemaker", "CreateModel", model)
    assert_valid("sagemaker", "CreateEndpointConfig", config)
    assert "VpcConfig" not in model
    assert "EnableNetworkIsolation" not in model
    assert config["ProductionVariants"] == [{
        "VariantName": "AllTraffic", "ModelName": serving.name(here, RUN_ID),
        "ServerlessConfig": {"MemorySizeInMB": 4096, "MaxConcurrency": 2},
    }]  # fmt: skip
    assert set(config) == {"EndpointConfigName", "ProductionVariants", "Tags"}
    update = serving.update_endpoint(here, NEW, present="serverless", serves=OLD)
    assert update == {"EndpointName": "castline-dev", "EndpointConfigName": NEW}


@pytest.mark.parametrize(("timeout", "limit"), [(60, 600), (3600, 3600), (90_000, 28_800)])
def test_given_one_machine_when_updated_then_it_bakes_whole_before_the_old_one_goes(timeout: int, limit: int) -> None:
    here = served(mode="realtime", update_timeout_seconds=timeout, bake_seconds=240)
    model, update = serving.model(here, RUN_ID, CONTAINER), serving.update_endpoint(
        here, NEW, present="realtime", serves=OLD)  # fmt: skip
    assert_valid("sagemaker", "CreateModel", model)
    assert_valid("sagemaker", "CreateEndpointConfig", serving.endpoint_config(here, RUN_ID))
    assert_valid("sagemaker", "UpdateEndpoint", update)
    assert model["EnableNetworkIsolation"] is True
    assert update["DeploymentConfig"] == {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0},
            "TerminationWaitInSeconds": 240,
            "MaximumExecutionTimeoutInSeconds": limit,
        },
        "AutoRollbackConfiguration": {
            "Alarms": [{"AlarmName": "castline-dev-rollout-5xx"}, {"AlarmName": "castline-dev-rollout-slow"}]
        },
    }
    assert "RetainAllVariantProperties" not in update


@pytest.mark.parametrize("mode", ["realtime", "async"])
def test_given_two_machines_when_updated_then_one_is_the_canary(mode: str) -> None:
    update = serving.update_endpoint(served(mode=mode, instance_count=2), NEW, present=mode, serves=OLD)  # type: ignore[arg-type]
    assert_valid("sagemaker", "UpdateEndpoint", update)
    assert update["DeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"] == {
        "Type": "CANARY", "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1}, "WaitIntervalInSeconds": 300
    }  # fmt: skip


def test_given_the_way_back_to_the_champion_when_updated_then_no_alarm_can_undo_it() -> None:
    here = served(mode="realtime", instance_count=2)
    deployment = serving.update_endpoint(here, OLD, present="realtime", serves=NEW, watched=False)["DeploymentConfig"]
    assert "AutoRollbackConfiguration" not in deployment
    policy = deployment["BlueGreenUpdatePolicy"]
    assert (policy["TrafficRoutingConfiguration"]["Type"], policy["TerminationWaitInSeconds"]) == ("ALL_AT_ONCE", 0)


def test_given_serverless_becomes_realtime_when_updated_then_there_are_no_machines_to_watch_yet() -> None:
    here = served(mode="realtime")
    assert "DeploymentConfig" not in serving.update_endpoint(here, NEW, present="serverless", serves=OLD)


SCALING = {"min_instances": 1, "max_instances": 3}


@pytest.mark.parametrize(("least", "routing"), [(1, "ALL_AT_ONCE"), (2, "CANARY")])
def test_given_machines_that_may_have_gone_when_they_are_retained_then_one_of_one_is_no_canary(
    least: int, routing: str
) -> None:
    """Scaling may have left the fewest that it may: SageMaker measures the canary by the machines that come."""
    scaling = ScalingSettings(min_instances=least, max_instances=4)
    here = served(mode="realtime", instance_count=2, scaling=scaling)
    names = [serving.name(here, run) for run in ("20260101-000000-000000", RUN_ID)]
    update = serving.update_endpoint(here, names[1], present="realtime", serves=names[0])
    assert update["RetainAllVariantProperties"] is True
    policy = update["DeploymentConfig"]["BlueGreenUpdatePolicy"]
    assert policy["TrafficRoutingConfiguration"]["Type"] == routing


@pytest.mark.parametrize(
    ("values", "serves", "retained"),
    [
        ({"mode": "realtime", "scaling": SCALING}, RUN_ID, True),
        ({"mode": "realtime", "scaling": SCALING}, "of another shape", False),
        ({"mode": "realtime"}, RUN_ID, False),
        ({"mode": "async"}, RUN_ID, False),
    ],
)
def test_given_machines_that_work_has_brought_when_only_the_model_changes_then_they_stay(
    values: dict[str, Any], serves: str, retained: bool
) -> None:
    """An async endpoint may have gone to zero: its new machines have to come, to be proven."""
    settings = {**values, "scaling": ScalingSettings(**values.get("scaling", {}))}
    here = served(**settings)
    old = serving.name(here, serves) if serves == RUN_ID else "castline-dev-x-00000000"
    update = serving.update_endpoint(here, serving.name(here, RUN_ID), present=values["mode"], serves=old)
    assert_valid("sagemaker", "UpdateEndpoint", update)
    assert update.get("RetainAllVariantProperties", False) is retained


def test_given_async_when_published_then_answers_and_failures_go_to_the_bucket() -> None:
    here = served(mode="async")
    config = serving.endpoint_config(here, RUN_ID)
    assert_valid("sagemaker", "CreateEndpointConfig", config)
    assert config["AsyncInferenceConfig"]["OutputConfig"] == {
        "S3OutputPath": "s3://castline-dev-data/serving/answers",
        "S3FailurePath": "s3://castline-dev-data/serving/failures",
    }
    assert config["ProductionVariants"][0]["InitialInstanceCount"] == 1
    assert serving.model(here, RUN_ID, CONTAINER)["EnableNetworkIsolation"] is True


def test_given_a_share_to_capture_when_published_then_requests_and_answers_are_sampled() -> None:
    config = serving.endpoint_config(served(mode="realtime", capture_percent=10), RUN_ID)
    assert_valid("sagemaker", "CreateEndpointConfig", config)
    capture = config["DataCaptureConfig"]
    assert (capture["EnableCapture"], capture["InitialSamplingPercentage"]) == (True, 10)
    assert capture["DestinationS3Uri"] == "s3://castline-dev-data/serving/captures"
    assert capture["CaptureOptions"] == [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}]
    assert "DataCaptureConfig" not in serving.endpoint_config(served(mode="realtime"), RUN_ID)


def test_given_another_way_of_serving_when_named_then_the_name_is_another_and_otherwise_the_same() -> None:
    shapes = [served(), served(mode="realtime"), served(mode="realtime", instance_type="ml.g5.xlarge"),
              served(mode="async"), served(mode="realtime", capture_percent=1), served(memory_mb=4096)]  # fmt: skip
    names_ = [serving.name(here, RUN_ID) for here in shapes]
    assert len(set(names_)) == len(shapes)
    assert all(len(name) <= 63 for name in names_)
    assert serving.name(served(golden_images=3, keep_days=1), RUN_ID) == names_[0]
    assert names.served_run("dev", names_[1]) == RUN_ID
    assert names.served_run("dev", "castline-dev-by-hand") == ""
    assert names.same_shape(names_[0], serving.name(served(), "other"))
    assert not names.same_shape(names_[0], names_[1])


def test_given_a_model_when_published_then_it_knows_its_version_and_the_verdict() -> None:
    container = serving.model(environment(), RUN_ID, CONTAINER)["PrimaryContainer"]
    assert container["Environment"] == {
        "CASTLINE_MODEL_VERSION": RUN_ID, "CASTLINE_VERDICT": '{"min_area_px":0,"min_score":0.5}'
    }  # fmt: skip
    assert (container["Image"], container["ModelDataUrl"]) == (IMAGE, ARTIFACT)
    assert_valid("sagemaker", "CreateEndpoint", serving.create_endpoint(environment(), "c", RUN_ID))
