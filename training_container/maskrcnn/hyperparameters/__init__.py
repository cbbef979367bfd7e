"""Hyperparameters: every known name, its meaning and its place in the settings.

SageMaker hands a training job an object of strings. `resolve` lays them over a preset and refuses what it does
not know before any work is done; `python -m maskrcnn.hyperparameters` prints docs/hyperparameters.md.
"""

from __future__ import annotations

from maskrcnn.hyperparameters.checks import check_classes
from maskrcnn.hyperparameters.page import page
from maskrcnn.hyperparameters.resolving import MAY_CHANGE, Resolved, resolve
from maskrcnn.hyperparameters.table import TABLE

__all__ = ["MAY_CHANGE", "TABLE", "Resolved", "check_classes", "page", "resolve"]
