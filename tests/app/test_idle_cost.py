"""What an environment costs idle, counted from small templates by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.contracts import documents, prices
from app.contracts.prices import Prices
from app.contracts.settings import PipelineSettings, ScalingSettings, ServingSettings
from app.idle_cost import count, endpoint, of_assembly, total

KNOWN = Prices("us-east-1", "2026-01-01", {
    "ml.m5.xlarge": 0.25, "alarm_month": 0.1, "kms_key_month": 1.0, "interface_endpoint_hour": 0.01,
    "nat_gateway_hour": 0.05, "lambda_call": 0.001, "lambda_arm_gb_second": 0.002, "s3_gb_month": 0.02})  # fmt: skip
UNKNOWN = Prices("eu-north-1", "2026-01-01", {})


def rule(minutes: str, function: str) -> dict[str, Any]:
    return {"Type": "AWS::Events::Rule", "Properties": {
        "ScheduleExpression": f"rate({minutes})", "Targets": [{"Arn": {"Fn::GetAtt": [function, "Arn"]}}]}}  # fmt: skip


def function(memory: int, variables: dict[str, str] | None = None) -> dict[str, Any]:
    return {"Type": "AWS::Lambda::Function",
            "Properties": {"MemorySize": memory, "Environment": {"Variables": variables or {}}}}  # fmt: skip


def found(stacks: list[dict[str, Any]], known: Prices = KNOWN) -> dict[str, float | None]:
    return {item.what: item.usd for item in count(stacks, ServingSettings(), known)}


def test_given_keys_and_alarms_of_several_stacks_then_each_counts_although_their_ids_are_the_same() -> None:
    stack = {"Key": {"Type": "AWS::KMS::Key"}, "A": {"Type": "AWS::CloudWatch::Alarm"}}
    items = found([stack, stack | {"B": {"Type": "AWS::CloudWatch::Alarm"}}])
    assert items["KMS keys"] == 2.0
    assert items["Alarms"] == pytest.approx(0.3)
    assert items["Endpoint, serverless"] == 0.0


def test_given_endpoints_of_the_network_then_a_gateway_is_free_and_an_interface_costs_in_each_zone() -> None:
    gateway = {"Type": "AWS::EC2::VPCEndpoint", "Properties": {"VpcEndpointType": "Gateway"}}
    interface = {"Type": "AWS::EC2::VPCEndpoint",
                 "Properties": {"VpcEndpointType": "Interface", "SubnetIds": ["a", "b"]}}  # fmt: skip
    assert found([{"S3": gateway}])["Network"] == 0.0
    assert found([{"S3": gateway, "Logs": interface}])["Network"] == pytest.approx(2 * 0.01 * 730)
    assert found([{"Nat": {"Type": "AWS::EC2::NatGateway"}}])["Network"] == pytest.approx(0.05 * 730)
    assert found([{"Logs": interface}], UNKNOWN)["Network"] is None


def test_given_clocks_then_their_calls_cost_by_number_and_memory_and_event_rules_cost_nothing() -> None:
    stack = {"Gate": function(512), "Clock": rule("15 minutes", "Gate"), "Daily": rule("1 day", "Gate"),
             "Uploads": {"Type": "AWS::Events::Rule", "Properties": {"Targets": [{"Arn": "queue"}]}}}  # fmt: skip
    calls = 730 * 4 + 730 / 24
    assert found([stack])["Clocks"] == pytest.approx(calls * 0.001 + calls * 0.5 * 0.002)


def test_given_stores_then_they_cost_by_what_lies_in_them() -> None:
    items = count([{"Data": {"Type": "AWS::S3::Bucket"}}], ServingSettings(), KNOWN)
    assert (items[-1].what, items[-1].usd, items[-1].note) == ("Bucket (S3)", 0.0, "and what lies in it: 0.02 USD a GB")


@pytest.mark.parametrize(
    ("serving", "known", "usd"),
    [
        (ServingSettings(), UNKNOWN, 0.0),
        (ServingSettings(mode="realtime", instance_count=2), KNOWN, 2 * 0.25 * 730),
        (ServingSettings(mode="realtime"), UNKNOWN, None),
        (ServingSettings(mode="realtime", scaling=ScalingSettings(max_instances=4)), KNOWN, 0.25 * 730),
        (ServingSettings(mode="async"), UNKNOWN, 0.0),
        (ServingSettings(mode="async", scaling=ScalingSettings(min_instances=1, max_instances=2)), KNOWN, 0.25 * 730),
    ],
)
def test_given_a_mode_of_serving_then_its_idle_cost_is_known(
    serving: ServingSettings, known: Prices, usd: float | None
) -> None:
    assert endpoint(serving, known).usd == usd


def test_given_a_serverless_endpoint_then_it_says_what_answering_costs() -> None:
    known = Prices("us-east-1", "2026-01-01", {"serverless_gb_second": 0.00002})
    assert endpoint(ServingSettings(), known).note == "costs only while it answers: 0.00012 USD a second"
    assert endpoint(ServingSettings(), UNKNOWN).note == "costs only while it answers"


def test_given_machines_that_scale_then_it_says_how_many_come_and_what_each_costs() -> None:
    realtime = ServingSettings(mode="realtime", scaling=ScalingSettings(max_instances=4))
    assert endpoint(realtime, KNOWN).note == (
        "1 x ml.m5.xlarge, 730 h, from the first promoted model on; up to 4 while there is more to do"
    )
    assert endpoint(ServingSettings(mode="async"), KNOWN).note == (
        "no machine while nothing waits; up to 1 x ml.m5.xlarge while it does, 0.25 USD an hour each"
    )
    assert endpoint(ServingSettings(mode="async"), UNKNOWN).note.endswith("while it does, price unknown")


def test_given_unknown_prices_then_things_that_are_not_there_still_cost_nothing() -> None:
    items = count([{"Key": {"Type": "AWS::KMS::Key"}}], ServingSettings(), UNKNOWN)
    assert {item.what: item.usd for item in items}["KMS keys"] is None
    assert {item.what: item.usd for item in items}["Alarms"] == 0.0
    assert total(items) == 0.0


def test_given_an_assembly_then_its_own_settings_and_prices_count(tmp_path: Path) -> None:
    settings = PipelineSettings("dev", serving=ServingSettings(mode="realtime"),
                                prices={"eu-north-1": {"ml.m5.xlarge": 0.1}})  # fmt: skip
    stack = {"Other": function(128), "Gate": function(128, {"CASTLINE_SETTINGS": documents.to_json(settings)})}
    (tmp_path / "castline-dev-pipeline.template.json").write_text(json.dumps({"Resources": stack}))
    (tmp_path / "castline-dev-data.template.json").write_text(json.dumps({"Resources": {
        "Key": {"Type": "AWS::KMS::Key"}}}))  # fmt: skip
    read, items = of_assembly(tmp_path, "eu-north-1")
    assert read == settings
    assert items[0].usd == pytest.approx(73.0)
    assert prices.of_region("us-east-1").find("kms_key_month") == 1.0
    _, items = of_assembly(tmp_path, "us-east-1")
    assert {item.what: item.usd for item in items}["KMS keys"] == 1.0
