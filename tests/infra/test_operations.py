"""What the operations team sees and is told."""

from __future__ import annotations

import json
import re
from typing import Any

from infra.permissions import PERMISSIONS
from lambdas.decisions import emf, metrics

NAMESPACES = {"AWS/States", "AWS/Lambda", "AWS/SQS", "AWS/SageMaker"}


def alarms(synthesized: Any) -> dict[str, dict[str, Any]]:
    resources = synthesized.of_type("operations", "AWS::CloudWatch::Alarm").values()
    return {r["Properties"]["AlarmName"]: r["Properties"] for r in resources}


def dimensions(alarm: dict[str, Any]) -> dict[str, Any]:
    return {d["Name"]: d["Value"] for d in alarm["Dimensions"]}


def dashboard(synthesized: Any) -> list[dict[str, Any]]:
    """The widgets, with every token as its name."""
    body = synthesized.only("operations", "AWS::CloudWatch::Dashboard")["Properties"]["DashboardBody"]
    text = "".join(p if isinstance(p, str) else str(next(iter(p.values()))) for p in body["Fn::Join"][1])
    return json.loads(text)["widgets"]


def test_every_alarm_tells_the_topic_when_it_begins_and_when_it_ends(dev: Any) -> None:
    (topic,) = dev.of_type("operations", "AWS::SNS::Topic")
    for alarm in alarms(dev).values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": topic}]
        assert len(alarm["AlarmDescription"]) > 20


def test_a_run_that_does_not_end_well_raises_an_alarm(dev: Any) -> None:
    metrics = {a["MetricName"] for a in alarms(dev).values() if a["Namespace"] == "AWS/States"}
    assert metrics == {"ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"}


def test_a_silent_gate_raises_an_alarm_because_missing_data_is_bad(dev: Any) -> None:
    alarm = alarms(dev)["castline-dev-gate-silent"]
    assert (alarm["MetricName"], dimensions(alarm)) == ("Invocations", {"FunctionName": "castline-dev-gate"})
    assert alarm["TreatMissingData"] == "breaching"
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (900, 3)
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)


def test_every_dead_letter_queue_is_watched(dev: Any) -> None:
    queues = {
        r["Properties"]["QueueName"]
        for r in dev.of_type("pipeline", "AWS::SQS::Queue").values()
        if r["Properties"]["QueueName"].endswith("dead-letters")
    }
    watched = {
        dimensions(a)["QueueName"]
        for a in alarms(dev).values()
        if a["MetricName"] == "ApproximateNumberOfMessagesVisible"
    }
    assert watched == queues
    assert len(queues) == 6


def test_alarms_watch_things_that_exist(dev: Any) -> None:
    functions = {r["Properties"]["FunctionName"] for r in dev.of_type("pipeline", "AWS::Lambda::Function").values()}
    queues = {r["Properties"]["QueueName"] for r in dev.of_type("pipeline", "AWS::SQS::Queue").values()}
    for alarm in alarms(dev).values():
        assert alarm["Namespace"] in NAMESPACES | {emf.NAMESPACE}
        assert alarm["Namespace"] != emf.NAMESPACE or alarm["MetricName"] in emf.UNITS
        # Metric math would need an expression service that not every CloudFormation has.
        assert "Metrics" not in alarm
        watched = dimensions(alarm)
        assert watched.get("FunctionName", "castline-dev-gate") in functions
        assert watched.get("QueueName", "castline-dev-inbox") in queues
        assert watched.get("EndpointName", "castline-dev") == "castline-dev"


def test_the_endpoint_has_alarms_for_its_errors_and_its_slowness(dev: Any) -> None:
    metrics = {a["MetricName"] for a in alarms(dev).values() if a["Namespace"] == "AWS/SageMaker"}
    assert metrics == {"Invocation5XXErrors", "InvocationModelErrors", "ModelLatency"}


def test_a_budget_that_holds_a_run_back_raises_an_alarm_that_lasts_from_look_to_look(dev: Any) -> None:
    alarm = alarms(dev)["castline-dev-budget-holds"]
    assert (alarm["Namespace"], alarm["MetricName"]) == ("Castline", "HeldByBudget")
    assert dimensions(alarm) == {"Environment": "dev"}
    assert (alarm["Period"], alarm["EvaluationPeriods"], alarm["Threshold"], alarm["Statistic"]) == (900, 1, 1, "Sum")


def test_the_topic_is_encrypted_with_a_key_that_alarms_and_functions_may_use(dev: Any) -> None:
    topic = dev.only("operations", "AWS::SNS::Topic")["Properties"]
    assert topic["TopicName"] == "castline-dev-notifications"
    (key_id,) = dev.of_type("operations", "AWS::KMS::Key")
    assert topic["KmsMasterKeyId"] == {"Fn::GetAtt": [key_id, "Arn"]}
    key = dev.only("operations", "AWS::KMS::Key")["Properties"]
    assert key["EnableKeyRotation"] is True
    users = {s.get("Sid"): s for s in key["KeyPolicy"]["Statement"]}
    assert users["AlarmsOfThisAccount"]["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert len(users["FunctionsThatNotify"]["Principal"]["AWS"]) == 5
    assert list(users["FunctionsThatNotify"]["Condition"]["StringEquals"]) == ["kms:ViaService"]


def test_the_topic_is_reached_over_tls_only(dev: Any) -> None:
    policy = dev.only("operations", "AWS::SNS::TopicPolicy")["Properties"]["PolicyDocument"]
    denials = [s["Condition"] for s in policy["Statement"] if s["Effect"] == "Deny"]
    assert denials == [{"Bool": {"aws:SecureTransport": "false"}}]


def test_nobody_is_subscribed_unless_the_settings_say_so(dev: Any) -> None:
    assert dev.of_type("operations", "AWS::SNS::Subscription") == {}


def test_the_dashboard_fits_and_its_widgets_do_not_overlap(dev: Any) -> None:
    taken: set[tuple[int, int]] = set()
    widgets = dashboard(dev)
    assert len(widgets) >= 12
    for widget in widgets:
        assert widget["x"] + widget["width"] <= 24
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not cells & taken
        taken |= cells


def test_the_dashboard_asks_the_log_of_the_runs_why_they_failed(dev: Any) -> None:
    (query,) = (w["properties"]["query"] for w in dashboard(dev) if w["type"] == "log")
    assert "SOURCE '/aws/vendedlogs/states/castline-dev-pipeline'" in query
    groups = {r["Properties"]["LogGroupName"] for r in dev.of_type("pipeline", "AWS::Logs::LogGroup").values()}
    assert "/aws/vendedlogs/states/castline-dev-pipeline" in groups


def test_the_dashboard_shows_metrics_that_exist(dev: Any) -> None:
    namespaces = set()
    for widget in dashboard(dev):
        for metric in widget["properties"].get("metrics", []):
            if isinstance(metric[0], str):
                namespaces.add(metric[0])
            else:
                assert re.match(r"SEARCH\('\{/aws/sagemaker/TrainingJobs,TrainingJobName\}", metric[0]["expression"])
    assert namespaces == NAMESPACES | {emf.NAMESPACE}


def test_the_dashboard_shows_every_metric_that_runs_emit_and_no_other(dev: Any) -> None:
    shown = {
        metric[1]: (metric[2], metric[3])
        for widget in dashboard(dev)
        for metric in widget["properties"].get("metrics", [])
        if metric[0] == emf.NAMESPACE
    }
    assert set(shown) == set(emf.UNITS)
    assert set(shown.values()) == {("Environment", "dev")}


def test_training_curves_are_searched_under_names_that_jobs_report(dev: Any) -> None:
    searched = {
        re.search(r'MetricName="([^"]+)"', metric[0]["expression"])[1]
        for widget in dashboard(dev)
        for metric in widget["properties"].get("metrics", [])
        if isinstance(metric[0], dict)
    }
    assert len(searched) == 3
    assert searched <= {definition["Name"] for definition in metrics.definitions()}


def test_the_dashboard_counts_the_errors_of_every_function(dev: Any) -> None:
    (widget,) = (w for w in dashboard(dev) if w["properties"].get("title") == "Errors of functions")
    assert len(widget["properties"]["metrics"]) == len(PERMISSIONS)
