"""The functions: as documented, configured from validated settings, with logs that end and dead letters."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from app.contracts.documents import from_json
from app.contracts.settings import PipelineSettings
from infra.permissions import PERMISSIONS

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/pipeline.md"
ASYNCHRONOUS = {"gate", "resolve", "move", "reconcile", "fail_run"}


def function(synthesized: Any, handler: str) -> dict[str, Any]:
    kind = "AWS::Lambda::Function"
    return synthesized.named("pipeline", kind, "Handler", f"lambdas.{handler}.handler")


def test_the_functions_are_the_ones_of_the_document() -> None:
    _, _, table = DOCUMENT.read_text().partition("| function (lambdas/<name>.py) |")
    rows = re.findall(r"^\| (\w+) \|", table.partition("\n\n")[0], flags=re.MULTILINE)
    assert set(rows) == set(PERMISSIONS)


def test_every_function_runs_a_handler_under_its_documented_name(dev: Any) -> None:
    functions = [r["Properties"] for r in dev.of_type("pipeline", "AWS::Lambda::Function").values()]
    named = {f["FunctionName"]: f["Handler"] for f in functions}
    assert named["castline-dev-start-training"] == "lambdas.start_training.handler"
    assert set(named.values()) == {f"lambdas.{handler}.handler" for handler in PERMISSIONS}
    assert {f["Runtime"] for f in functions} == {"python3.13"}


def test_spot_and_its_on_demand_fallback_reach_the_function_that_trains(dev: Any) -> None:
    variables = function(dev, "start_training")["Environment"]["Variables"]
    settings = from_json(PipelineSettings, variables["CASTLINE_SETTINGS"])
    ladder = settings.training.ladder
    assert [rung.spot for rung in ladder] == [True, True, True, False]
    assert all(rung.max_wait_seconds >= settings.training.max_runtime_seconds for rung in ladder[:3])
    assert ladder[3].instance_types == ("ml.g5.xlarge", "ml.g6.xlarge", "ml.g4dn.2xlarge")


def test_every_function_knows_what_the_document_promises(dev: Any) -> None:
    promised = set(re.findall(r"CASTLINE_[A-Z_]+", DOCUMENT.read_text()))
    for resource in dev.of_type("pipeline", "AWS::Lambda::Function").values():
        variables = resource["Properties"]["Environment"]["Variables"]
        assert set(variables) == promised
        # Tokens resolve to names and ARNs of at most 130 characters; Lambda holds 4,096 bytes in all.
        plain = sum(len(k) + (len(v) if isinstance(v, str) else 130) for k, v in variables.items())
        assert plain < 4096


def test_every_log_ends(dev: Any) -> None:
    groups = [r["Properties"] for _, _, r in dev.everything() if r["Type"] == "AWS::Logs::LogGroup"]
    assert {group["RetentionInDays"] for group in groups} == {90}
    names = {group["LogGroupName"] for group in groups}
    assert {f"/aws/lambda/castline-dev-{handler.replace('_', '-')}" for handler in PERMISSIONS} < names


def test_what_functions_log_is_kept_with_its_fields(dev: Any) -> None:
    for resource in dev.of_type("pipeline", "AWS::Lambda::Function").values():
        logging = resource["Properties"]["LoggingConfig"]
        assert (logging["LogFormat"], logging["ApplicationLogLevel"]) == ("JSON", "INFO")


@pytest.mark.parametrize("handler", sorted(PERMISSIONS))
def test_functions_that_events_wake_keep_what_they_failed_on(dev: Any, handler: str) -> None:
    target = function(dev, handler).get("DeadLetterConfig")
    if handler not in ASYNCHRONOUS:
        assert target is None
        return
    queue = dev.templates["pipeline"]["Resources"][target["TargetArn"]["Fn::GetAtt"][0]]
    assert queue["Properties"]["QueueName"] == f"castline-dev-{handler.replace('_', '-')}-dead-letters"


def test_queues_are_encrypted_kept_two_weeks_and_reached_over_tls_only(dev: Any) -> None:
    queues = dev.of_type("pipeline", "AWS::SQS::Queue")
    assert all(queue["Properties"]["SqsManagedSseEnabled"] is True for queue in queues.values())
    dead = [q for q in queues.values() if q["Properties"]["QueueName"].endswith("dead-letters")]
    assert {queue["Properties"]["MessageRetentionPeriod"] for queue in dead} == {1_209_600}
    refused = {
        policy["Properties"]["Queues"][0]["Ref"]
        for policy in dev.of_type("pipeline", "AWS::SQS::QueuePolicy").values()
        if any(
            statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        )
    }
    assert refused == set(queues)


def test_no_function_is_in_the_network_or_waits_for_a_container(dev: Any) -> None:
    for resource in dev.of_type("pipeline", "AWS::Lambda::Function").values():
        assert "VpcConfig" not in resource["Properties"]
        assert set(resource["Properties"]["Code"]) == {"S3Bucket", "S3Key"}


def test_the_outputs_are_the_ones_that_the_command_line_asks_for(dev: Any) -> None:
    outputs = {key for key in dev.templates["pipeline"]["Outputs"] if not key.startswith("Exports")}
    assert outputs == {
        "BucketName",
        "TableName",
        "StateMachineArn",
        "GateFunctionName",
        "EndpointName",
        "TopicArn",
        "RepositoryUri",
        "ImageTag",
        "BuildProject",
        "OperatorPolicyArn",
    }
    assert dev.templates["pipeline"]["Outputs"]["EndpointName"]["Value"] == "castline-dev"
    assert json.dumps(dev.templates["pipeline"]["Outputs"]["StateMachineArn"]).endswith(
        ':stateMachine:castline-dev-pipeline"]]}}'
    )
