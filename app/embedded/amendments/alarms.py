"""CloudWatch alarms: each looks at the metric of its own dimensions, and does not stay in ALARM without data.

ministack 1.5.33 mixes the metrics of all endpoints, functions and queues that share a name, and never looks again at
an alarm whose metric has no recent value. As there, the points of all evaluation periods count as one.
"""

from __future__ import annotations

import operator
import time
from collections.abc import Callable
from typing import Any

from ministack.services import cloudwatch

from app.embedded import pin

WITHOUT_DATA = {"notBreaching": "OK", "breaching": "ALARM", "missing": "INSUFFICIENT_DATA"}
"""TreatMissingData -> state; `ignore` keeps the state."""
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge, "GreaterThanThreshold": operator.gt,
    "LessThanOrEqualToThreshold": operator.le, "LessThanThreshold": operator.lt,
}
HELPERS = ("_metrics", "_dims_key", "_dims_from_list", "_calc_stats", "_stat_value", "_record_history",
           "_dispatch_alarm_actions", "_evaluate_parent_alarms", "_evaluate_alarm")


def apply() -> None:
    """Replace the evaluation of one alarm."""
    for name in HELPERS:
        pin.part(cloudwatch, name)
    cloudwatch._evaluate_alarm = evaluate


def evaluate(alarm: dict[str, Any]) -> None:
    """Set the state of an alarm on one metric; one on an expression, or on a metric without any value, stays."""
    compare = COMPARISONS.get(alarm.get("ComparisonOperator", ""))
    if not alarm.get("MetricName") or compare is None:
        return
    dimensions = cloudwatch._dims_key(cloudwatch._dims_from_list(alarm.get("Dimensions") or []))
    points = cloudwatch._metrics.get((alarm["Namespace"], alarm["MetricName"], dimensions)) or []
    since = time.time() - alarm.get("Period", 60) * alarm.get("EvaluationPeriods", 1)
    recent = [point for point in points if point["Timestamp"] >= since]
    if recent:
        statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
        value = cloudwatch._stat_value(cloudwatch._calc_stats(recent), statistic, recent)
        if value is not None:
            state = "ALARM" if compare(value, alarm["Threshold"]) else "OK"
            _change(alarm, state, f"Threshold Crossed: {statistic} {value} {alarm['ComparisonOperator']} "
                                  f"{alarm['Threshold']}")
    elif points:
        _change(alarm, WITHOUT_DATA.get(alarm.get("TreatMissingData") or "missing", alarm["StateValue"]),
                "no datapoints were received")


def _change(alarm: dict[str, Any], state: str, reason: str) -> None:
    before = alarm["StateValue"]
    if state == before:
        return
    alarm.update(StateValue=state, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
    cloudwatch._record_history(alarm["AlarmName"], before, state, reason)
    cloudwatch._dispatch_alarm_actions(alarm, before, state, reason)
    cloudwatch._evaluate_parent_alarms(alarm)
