"""The log lines that regular expressions of dashboards match."""

from __future__ import annotations

import logging

from maskrcnn.training import metrics_log
from maskrcnn.training.progress import duration


def test_name_colon_value_with_five_significant_digits(caplog):
    caplog.set_level(logging.INFO, "castline")
    metrics_log.write({"mAP(segm)/IoU=0.5:0.95": 0.123456, "mAP(bbox)/small": -1.0, "total_cost": 12345.678})
    assert caplog.messages == ["mAP(bbox)/small: -1", "mAP(segm)/IoU=0.5:0.95: 0.12346", "total_cost: 12346"]


def test_coco_names():
    assert metrics_log.coco_names("bbox") == [
        "mAP(bbox)/IoU=0.5:0.95", "mAP(bbox)/IoU=0.5", "mAP(bbox)/IoU=0.75",
        "mAP(bbox)/small", "mAP(bbox)/medium", "mAP(bbox)/large"]


def test_means_start_anew_after_each_report():
    means = metrics_log.Means()
    means.add({"total_cost": 1.0})
    means.add({"total_cost": 3.0})
    assert means.take() == {"total_cost": 2.0}
    assert means.take() == {}


def test_duration():
    assert [duration(s) for s in (5, 125, 3725)] == ["0:05", "2:05", "1:02:05"]
