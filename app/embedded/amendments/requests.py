"""Strict mode: the action or the resource of a request that ministack 1.5.33 does not see, or sees too coarsely.

- CloudWatch Logs decides on a log stream (`log-group:NAME:log-stream:STREAM`, the stream empty where none is named):
  policies end in `:*`, which the bare name of the group does not match;
- DeleteObjects is decided version by version: the first key as well as the others (s3:DeleteObjectVersion);
- SendTaskSuccess, SendTaskFailure and SendTaskHeartbeat are decided on the state machine whose token they answer. A
  token of nobody protects nothing: those calls are authenticated, and answered that the task does not exist.

Source: Service Authorization Reference, Amazon CloudWatch Logs; AWS CDK, StateMachine.grantTaskResponse.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ministack.core import iam_actions

from app.embedded import pin
from app.embedded.amendments import task_tokens

CALLBACKS = {f"states:{name}" for name in ("SendTaskSuccess", "SendTaskFailure", "SendTaskHeartbeat")}


def apply() -> None:
    """Wrap what ministack asks for the action and the resource of a request."""
    find_action = pin.part(iam_actions, "extract_iam_action")
    batch_delete_targets = pin.part(iam_actions, "_s3_batch_delete_targets")
    find_resource = pin.part(iam_actions, "extract_resource_arn")

    def action(service: str, method: str, path: str, headers: Any, body: bytes, query: Any) -> str | None:
        found: str | None = find_action(service, method, path, headers, body, query)
        if found == "s3:DeleteObject" and method == "POST":
            return _delete_action(batch_delete_targets(path.strip("/"), body))
        return None if found in CALLBACKS and not _machine_of(body) else found

    def resource(service: str, method: str, path: str, headers: Any, body: bytes, query: Any, region: str,
                 account: str) -> str:
        found: str = find_resource(service, method, path, headers, body, query, region, account)
        if service == "logs" and ":log-group:" in found:
            return f"{found.removesuffix(':*')}:log-stream:{_members(body).get('logStreamName', '')}"
        if service == "states" and found == "*":
            return _machine_of(body) or found
        return found

    iam_actions.extract_iam_action = action
    iam_actions.extract_resource_arn = resource


def _delete_action(targets: Sequence[tuple[str, str]]) -> str:
    """What the first (resource, version) of a DeleteObjects request takes; ministack looks at the others itself."""
    return "s3:DeleteObjectVersion" if targets and targets[0][1] else "s3:DeleteObject"


def _machine_of(body: bytes) -> str:
    """ARN of the state machine that waits for the token of a request, if any does."""
    return task_tokens.machine(str(_members(body).get("taskToken", "")))


def _members(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body or b"{}")
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
