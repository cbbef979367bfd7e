"""All of the product's own names."""

from __future__ import annotations

from maskrcnn.hyperparameters.table_model import MODEL
from maskrcnn.hyperparameters.table_training import TRAINING

TABLE = (*TRAINING, *MODEL)
BY_NAME = {entry.name: entry for entry in TABLE}
