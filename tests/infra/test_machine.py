"""The deployed state machine: logged, traced, complete, and allowed to call exactly what it calls."""

from __future__ import annotations

import json
import re
from typing import Any

MACHINE = "AWS::StepFunctions::StateMachine"


def definition(synthesized: Any) -> dict[str, Any]:
    return json.loads(synthesized.only("pipeline", MACHINE)["Properties"]["DefinitionString"])


def test_the_machine_is_standard_logged_in_full_and_traced(dev: Any) -> None:
    machine = dev.only("pipeline", MACHINE)["Properties"]
    assert machine["StateMachineName"] == "castline-dev-pipeline"
    assert machine["StateMachineType"] == "STANDARD"
    assert machine["LoggingConfiguration"]["Level"] == "ALL"
    assert machine["LoggingConfiguration"]["IncludeExecutionData"] is True
    assert machine["TracingConfiguration"] == {"Enabled": True}


def test_every_placeholder_gets_the_arn_of_the_function_it_names(dev: Any) -> None:
    machine = dev.only("pipeline", MACHINE)["Properties"]
    placeholders = set(re.findall(r"\$\{(\w+)\}", machine["DefinitionString"]))
    substitutions = machine["DefinitionSubstitutions"]
    assert set(substitutions) == placeholders
    assert {"Claim", "StartTraining", "FailRun"} <= placeholders
    functions = dev.of_type("pipeline", "AWS::Lambda::Function")
    for placeholder, arn in substitutions.items():
        handler = functions[arn["Fn::GetAtt"][0]]["Properties"]["Handler"]
        assert handler.split(".")[1].title().replace("_", "") == placeholder


def test_the_machine_may_invoke_exactly_the_functions_it_calls(dev: Any) -> None:
    machine = dev.only("pipeline", MACHINE)["Properties"]
    allowed = {
        json.dumps(resource)
        for key, statement in dev.statements()
        if key.startswith("WorkflowRole") and statement["Action"] == "lambda:InvokeFunction"
        for resource in statement["Resource"]
    }
    assert allowed == {json.dumps(arn) for arn in machine["DefinitionSubstitutions"].values()}


def test_every_task_ends_in_time_is_retried_and_is_caught(dev: Any) -> None:
    tasks = {name: s for name, s in definition(dev)["States"].items() if s["Type"] == "Task"}
    assert {"Prepare", "Train", "Evaluate", "Publish", "Verify", "Commit", "FailRun"} <= set(tasks)
    for name, task in tasks.items():
        assert task["TimeoutSeconds"] > 0, name
        assert task["Retry"], name
        assert all(retry["JitterStrategy"] == "FULL" for retry in task["Retry"]), name
        assert task["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name


def test_the_build_is_started_in_the_project_of_the_image_stack(dev: Any) -> None:
    build = definition(dev)["States"]["BuildImage"]
    assert build["Resource"].endswith("codebuild:startBuild.sync")
    project = dev.only("image", "AWS::CodeBuild::Project")["Properties"]["Name"]
    assert build["Parameters"]["ProjectName"] == project


def test_no_lambda_call_may_outlast_its_state(dev: Any) -> None:
    """Given a state that calls a function directly, when the function is slow, then its own timeout ends it."""
    machine = dev.only("pipeline", MACHINE)["Properties"]
    functions = dev.of_type("pipeline", "AWS::Lambda::Function")
    checked = 0
    for state in definition(dev)["States"].values():
        placeholder = re.fullmatch(r"\$\{(\w+)\}", state.get("Resource", ""))
        if placeholder:
            logical_id = machine["DefinitionSubstitutions"][placeholder[1]]["Fn::GetAtt"][0]
            assert state["TimeoutSeconds"] >= functions[logical_id]["Properties"]["Timeout"]
            checked += 1
    assert checked >= 8
