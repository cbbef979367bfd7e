"""Walks the state machine in memory, stricter than any service: a path that does not resolve is an error.

Only what the definition uses is known; anything else fails loudly.
"""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable
from typing import Any

Handler = Callable[[dict[str, Any]], Any]
CONTEXT = {"Execution": {"Id": "arn:aws:states:eu-west-1:1:execution:castline-dev-pipeline:r1", "Name": "r1"},
           "Task": {"Token": "token"}}  # fmt: skip


class StateFailure(Exception):  # noqa: N818 - a state fails, it is no error of ours
    """What a function or job ends with."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(error)
        self.error, self.cause = error, cause


@dataclasses.dataclass
class Walk:
    """One execution."""

    visited: list[str]
    status: str = ""
    error: str = ""
    cause: str = ""
    output: Any = None


def resolve(path: str, data: Any) -> Any:
    """A JSONPath of plain fields; a missing one is what AWS calls States.Runtime, which nothing catches."""
    root: Any = CONTEXT if path.startswith("$$") else data
    for field in path.lstrip("$").split(".")[1:]:
        assert isinstance(root, dict), f"{path}: {field} is asked of {root!r}"
        assert field in root, f"{path}: no {field} in {sorted(root)}"
        root = root[field]
    return copy.deepcopy(root)


def parameters(template: dict[str, Any], data: Any) -> dict[str, Any]:
    filled: dict[str, Any] = {}
    for key, value in template.items():
        if key.endswith(".$"):
            filled[key[:-2]] = resolve(value, data)
        else:
            filled[key] = parameters(value, data) if isinstance(value, dict) else value
    return filled


def place(path: str | None, data: Any, result: Any) -> Any:
    if path is None:
        return data
    field = path.removeprefix("$.")
    assert path.startswith("$.")
    assert "." not in field
    return {**data, field: result}


def holds(rule: dict[str, Any], data: Any) -> bool:
    if "Or" in rule:
        return any(holds(part, data) for part in rule["Or"])
    value = resolve(rule["Variable"], data)
    [operator] = set(rule) - {"Variable", "Next"}
    kinds: dict[str, type] = {"BooleanEquals": bool, "StringEquals": str}
    assert isinstance(value, kinds[operator]), f"{rule}: {value!r}"
    return bool(value == rule[operator])


def walk(definition: dict[str, Any], data: Any, functions: dict[str, Handler], limit: int = 100) -> Walk:
    """Run the definition; `functions` answers by the Lambda's ARN or the service's resource."""
    name, done = definition["StartAt"], Walk([])
    while len(done.visited) < limit:
        done.visited.append(name)
        state = definition["States"][name]
        kind = state["Type"]
        if kind == "Succeed":
            done.status, done.output = "SUCCEEDED", data
            return done
        if kind == "Fail":
            done.status = "FAILED"
            done.error = resolve(state["ErrorPath"], data) if "ErrorPath" in state else state["Error"]
            done.cause = resolve(state["CausePath"], data) if "CausePath" in state else state["Cause"]
            return done
        if kind == "Choice":
            name = next((rule["Next"] for rule in state["Choices"] if holds(rule, data)), state["Default"])
        elif kind == "Pass":
            result = parameters(state["Parameters"], data) if "Parameters" in state else copy.deepcopy(state["Result"])
            data, name = place(state["ResultPath"], data, result), state["Next"]
        else:
            data, name = _task(state, data, functions)
        assert len(json.dumps(data)) < 256 * 1024
    raise AssertionError(f"no end after {limit} states: {done.visited[-6:]}")


def _task(state: dict[str, Any], data: Any, functions: dict[str, Handler]) -> tuple[Any, str]:
    filled = parameters(state["Parameters"], data)
    resource = state["Resource"]
    if "Payload" in filled:
        resource, filled = filled["FunctionName"], filled["Payload"]
    retries = [0] * len(state["Retry"])
    while True:
        try:
            result = functions[resource](filled)
            return place(state["ResultPath"], data, json.loads(json.dumps(result))), state["Next"]
        except StateFailure as failure:
            if not _again(state["Retry"], retries, failure.error):
                catcher = next(c for c in state["Catch"] if {failure.error, "States.ALL"} & set(c["ErrorEquals"]))
                caught = {"Error": failure.error, "Cause": failure.cause}
                return place(catcher["ResultPath"], data, caught), catcher["Next"]


def _again(rules: list[dict[str, Any]], used: list[int], error: str) -> bool:
    """The first rule that names the error decides, as in Step Functions."""
    for index, rule in enumerate(rules):
        if error in rule["ErrorEquals"]:
            used[index] += 1
            return bool(used[index] <= rule["MaxAttempts"])
    return False
