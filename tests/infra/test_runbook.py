"""docs/operations.md says what to do about every alarm, state and error there is, and about no other."""

from __future__ import annotations

import re
import typing
from pathlib import Path
from typing import Any

from app.contracts import errors as contract
from app.contracts import names
from app.contracts.settings import PipelineSettings
from infra.workflow.machine import rendered
from lambdas import errors
from lambdas.decisions.gate import TRANSIENT_ERRORS
from lambdas.decisions.records import HINTS

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs/operations.md").read_text()
DEFINITION = rendered(PipelineSettings("dev"))
OF_STEP_FUNCTIONS = {"States.Runtime", "States.DataLimitExceeded", "States.TaskFailed", "Stopped"}
"""What nobody of ours raises or matches; a person sees them all the same."""


def told(head: str) -> list[str]:
    """The first column of the table that begins so."""
    _, found, rest = DOCUMENT.partition(f"| {head} |")
    assert found
    return [line.split("|")[1].strip() for line in rest.partition("\n\n")[0].splitlines()[2:]]


def named_in(tree: Any) -> set[str]:
    """Every error that a state retries, catches or ends with."""
    if isinstance(tree, list):
        return set().union(*map(named_in, tree))
    if not isinstance(tree, dict):
        return set()
    here = set(tree.get("ErrorEquals", ())) | ({tree["Error"]} if isinstance(tree.get("Error"), str) else set())
    return here.union(*map(named_in, tree.values()))


def test_every_alarm_has_its_row(dev: Any, realtime: Any, asynchronous: Any) -> None:
    prefix = f"{names.prefix('dev')}-"
    alarms = {names.scale_from_zero_alarm("dev").removeprefix(prefix)}
    for synthesized in (dev, realtime, asynchronous):
        for alarm in synthesized.of_type("operations", "AWS::CloudWatch::Alarm").values():
            alarms.add(alarm["Properties"]["AlarmName"].removeprefix(prefix))
    assert sorted(told("alarm")) == sorted(alarms)


def test_every_state_has_its_row() -> None:
    assert sorted(told("state")) == sorted(DEFINITION["States"])


def test_every_error_has_its_row() -> None:
    raised = {name for name, kind in vars(errors).items() if isinstance(kind, type)} - {"PipelineError"}
    promised = {value for name, value in vars(contract).items() if name.isupper() and isinstance(value, str)}
    matched = named_in(DEFINITION) - {"States.ALL"}
    assert sorted(told("error")) == sorted(
        raised | promised | matched | TRANSIENT_ERRORS | set(HINTS) | OF_STEP_FUNCTIONS)  # fmt: skip


def test_every_failure_code_of_the_programs_has_its_row() -> None:
    assert sorted(told("failure code")) == sorted(typing.get_args(contract.FailureCode))


def test_every_row_has_the_columns_of_its_table() -> None:
    for table in re.findall(r"(?:^\|.*\n)+", DOCUMENT, flags=re.MULTILINE):
        assert len({line.replace("`|`", "").count("|") for line in table.splitlines()}) == 1, table


def test_every_command_of_the_document_exists() -> None:
    from app.cli.main import app

    commands = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    known = commands | {group.name for group in app.registered_groups}
    asked = set(re.findall(r"python -m app (?:--aws --env prod )?([a-z]+)", DOCUMENT))
    words = r"`(run|runs|show|watch|report|cost|findings|status|rollback|approve|reject|data|up)\b"
    bare = set(re.findall(words, DOCUMENT))
    assert asked | bare <= known
    assert {"rollback", "approve", "reject", "run", "status", "cost"} <= asked | bare
