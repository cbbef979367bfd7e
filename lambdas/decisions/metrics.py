"""Metric definitions of the training job: the names that dashboards of this field read, with regexes that hold.

The 22 names are tensorpack's. Published regexes for them also match the `IoU=0.5:0.95:` line when they look for
`IoU=0.5:`, and capture `nan`; here the value must follow the name after white space and must be a whole number
token. tensorpack may put a data set's name and a hyphen before a name, MPI and colours a prefix before the line.
"""

from __future__ import annotations

import re

LOSS_NAMES = (
    "fastrcnn_losses/box_loss",
    "fastrcnn_losses/label_loss",
    "fastrcnn_losses/label_metrics/accuracy",
    "fastrcnn_losses/label_metrics/false_negative",
    "fastrcnn_losses/label_metrics/fg_accuracy",
    "fastrcnn_losses/num_fg_label",
    "maskrcnn_loss/accuracy",
    "maskrcnn_loss/fg_pixel_ratio",
    "maskrcnn_loss/maskrcnn_loss",
    "maskrcnn_loss/pos_accuracy",
)
AP_NAMES = tuple(
    f"mAP({kind})/{what}"
    for kind in ("bbox", "segm")
    for what in ("IoU=0.5:0.95", "IoU=0.5", "IoU=0.75", "small", "medium", "large")
)
OTHER_NAMES = (
    "total_cost",
    "wd_cost",
    "learning_rate",
    "rpn_losses/label_loss",
    "rpn_losses/box_loss",
    "Throughput",
)
"""tensorpack prints these too; they are cheap to keep and explain a failed training."""
NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
MAX_DEFINITIONS, MAX_REGEX = 40, 500


def regex(name: str) -> str:
    """Match `name: value`, wherever the name begins as a word of its own."""
    return rf"(?<![\w/]){re.escape(name)}:\s+({NUMBER})(?:\s|$)"


def definitions() -> list[dict[str, str]]:
    """MetricDefinitions of CreateTrainingJob."""
    return [{"Name": name, "Regex": regex(name)} for name in (*LOSS_NAMES, *AP_NAMES, *OTHER_NAMES)]
