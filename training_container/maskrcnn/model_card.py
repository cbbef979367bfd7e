"""model.json of the artifact: everything that must be known to use the weights beside it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from app.contracts import documents
from app.contracts.dataset import ClassDefinition

FILE_NAME = "model.json"


@dataclasses.dataclass(frozen=True)
class ModelCard:
    """What the model is."""

    run_id: str
    version: str
    """Data-set version it was trained on."""
    classes: tuple[ClassDefinition, ...]
    preset: str
    hyperparameters: dict[str, str]
    """As resolved, so that the network can be built again."""
    steps: int
    """Training steps taken."""

    def class_named(self, class_id: int) -> ClassDefinition:
        """The class with this id (1 to C)."""
        return self.classes[class_id - 1]

    @property
    def masks_are_boxes(self) -> bool:
        """Whether the network finds boxes alone, so that each mask is its box."""
        return self.hyperparameters.get("mode_mask") == "False"

    def write(self, model_dir: Path) -> None:
        """Write model.json."""
        (model_dir / FILE_NAME).write_text(documents.to_json(self, indent=2))

    @classmethod
    def read(cls, model_dir: Path) -> ModelCard:
        """Read model.json.

        Raises:
            ContractError: it is no model card.
            FileNotFoundError: the folder holds none.
        """
        return documents.from_json(cls, (model_dir / FILE_NAME).read_text())
