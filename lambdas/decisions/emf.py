"""CloudWatch's embedded metric format: metrics of a run as one line of log."""

from __future__ import annotations

import json

from app.contracts.runs import RunRecord

NAMESPACE = "Castline"
UNITS = {
    "RunsPromoted": "Count",
    "RunsNotPromoted": "Count",
    "RunsRolledBack": "Count",
    "RunsFailed": "Count",
    "Uploads": "Count",
    "Quarantined": "Count",
    "MaskAP": "None",
    "Gain": "None",
    "TrainingSeconds": "Seconds",
    "BillableSeconds": "Seconds",
    "Interruptions": "Count",
    "EstimatedCostUsd": "None",
    "HeldByBudget": "Count",
}
"""Every metric that runs and the gate emit, dimension Environment; docs/pipeline.md explains them."""


def of_run(record: RunRecord, gain: float | None = None) -> dict[str, float]:
    """What operations want to see of an ended run."""
    values: dict[str, float | None] = {
        "RunsPromoted": float(record.outcome == "PROMOTED"),
        "RunsNotPromoted": float(record.outcome in ("NOT_PROMOTED", "REJECTED")),
        "RunsRolledBack": float(record.outcome == "ROLLED_BACK"),
        "RunsFailed": float(record.status != "SUCCEEDED"),
        "Uploads": float(record.uploads),
        "Quarantined": float(record.quarantined),
        "MaskAP": record.mask_ap,
        "Gain": gain,
        "TrainingSeconds": float(sum(a.seconds * a.instance_count for a in record.training)),
        "BillableSeconds": float(sum(a.billable_seconds * a.instance_count for a in record.training)),
        "Interruptions": float(sum(a.interruptions for a in record.training)),
        "EstimatedCostUsd": record.spend.usd if record.spend else None,
    }
    return {name: value for name, value in values.items() if value is not None}


def line(environment: str, metrics: dict[str, float], milliseconds: int, **properties: str) -> str:
    """One line of log from which CloudWatch takes the metrics; properties can be searched for, not graphed."""
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [["Environment"]],
        "Metrics": [{"Name": name, "Unit": UNITS[name]} for name in metrics],
    }
    root = {"_aws": {"Timestamp": milliseconds, "CloudWatchMetrics": [directive]}, "Environment": environment}
    return json.dumps(root | metrics | properties)
