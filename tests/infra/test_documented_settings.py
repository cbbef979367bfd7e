"""Settings that the documentation tells people to write are settings that the deployment takes."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

from maskrcnn import hyperparameters

from app.contracts.settings import ScalingSettings, ServingSettings
from infra.settings import from_context

DOCS = Path(__file__).parents[2] / "docs"


def test_the_settings_for_coco_are_valid_down_to_the_hyperparameters() -> None:
    (block,) = re.findall(r"```json\n(.*?)```", (DOCS / "coco.md").read_text(), re.DOTALL)
    ((name, plain),) = json.loads(block).items()
    settings = from_context({**plain, "environment": name.removeprefix("castline:")})
    training = settings.pipeline.training
    resolved = hyperparameters.resolve(training.hyperparameters)
    assert settings.storage.datasync
    assert training.file_system.used
    assert resolved.settings.training.batch_size_per_gpu == 4
    assert resolved.settings.model.backbone.freeze_at == 2


def test_the_settings_of_serving_are_documented_and_no_others() -> None:
    _, _, table = (DOCS / "serving.md").read_text().partition("| `serving.` |")
    rows = [line.split("|")[1] for line in table.partition("\n\n")[0].splitlines() if line.startswith("| `")]
    documented = {name for row in rows for name in re.findall(r"`([a-z_.]+)`", row)}
    own = {field.name for field in dataclasses.fields(ServingSettings)} - {"mode", "scaling"}
    assert documented == own | {f"scaling.{field.name}" for field in dataclasses.fields(ScalingSettings)}
