"""Every regex against lines as systems of this field print them."""

from __future__ import annotations

import re

import pytest

from lambdas.decisions.metrics import AP_NAMES, LOSS_NAMES, MAX_DEFINITIONS, MAX_REGEX, OTHER_NAMES, definitions

NAMES = (*LOSS_NAMES, *AP_NAMES, *OTHER_NAMES)
PREFIXES = (
    "",
    "[1102 12:00:00 @monitor.py:476] ",
    "\x1b[32m[1102 12:00:00 @monitor.py:476]\x1b[0m ",
    "[1,0]<stdout>:[1102 12:00:00 @monitor.py:476] ",
    "[1102 12:00:00] ",
    "[1102 12:00:00 @monitor.py:476] val-",
)


def found(line: str) -> dict[str, str]:
    """What CloudWatch would take from one line: definition name -> captured text."""
    matches = {d["Name"]: re.search(d["Regex"], line) for d in definitions()}
    return {name: match.group(1) for name, match in matches.items() if match}


def test_given_the_definitions_then_sagemaker_takes_them_and_the_22_known_names_are_there() -> None:
    assert len(LOSS_NAMES) + len(AP_NAMES) == 22
    assert len(definitions()) <= MAX_DEFINITIONS
    assert max(len(d["Regex"]) for d in definitions()) <= MAX_REGEX
    assert len({d["Name"] for d in definitions()}) == len(definitions())
    assert all(re.compile(d["Regex"]).groups == 1 for d in definitions())


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", ["0.34512", "-1", "1.2e-05", "0", "12"])
def test_given_a_metric_line_when_matched_then_exactly_that_metric_has_that_value(
    name: str, prefix: str, value: str
) -> None:
    assert found(f"{prefix}{name}: {value}") == {name: value}
    assert found(f"{prefix}{name}: {value}\r\n") == {name: value}


@pytest.mark.parametrize("value", ["nan", "inf", "-nan", "0.5x", ""])
@pytest.mark.parametrize("name", NAMES)
def test_given_a_value_that_is_no_number_when_matched_then_nothing_is_captured(name: str, value: str) -> None:
    assert found(f"{name}: {value}") == {}


@pytest.mark.parametrize("line", [
    "fastrcnn_losses/label_metrics/fg_accuracy_old: 0.5",
    "xlearning_rate: 0.5",
    "boxclass_losses/box_loss: 0.5",
    "mAP(bbox)/IoU=0.5:0.95:0.3",
])  # fmt: skip
def test_given_a_similar_line_when_matched_then_nothing_is_captured(line: str) -> None:
    assert found(line) == {}
