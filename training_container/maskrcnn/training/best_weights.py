"""The weights of the best evaluation, kept beside the checkpoints so that a resumed run still has them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf

from maskrcnn.training import array_file
from maskrcnn.training.checkpoint import Checkpoints, State

log = logging.getLogger("castline")

PREFIX, SUFFIX = "best-", ".npz"
CLEARLY_BETTER = 0.01
"""How much AP the best evaluation must be ahead of the last one for its weights to become the model.

The best of many evaluations on a small validation set is partly luck, and the last weights have seen a falling
learning rate, so they are taken unless more than a point of AP would be lost.
"""


class BestWeights:
    """Keeps them, and puts them back into the model.

    Args:
        checkpoints: Of the run; the files lie in their folder.
        variables: Of the model alone, by name.
    """

    def __init__(self, checkpoints: Checkpoints, variables: Mapping[str, tf.Variable]) -> None:
        self.checkpoints, self.variables = checkpoints, dict(variables)

    def keep(self, position: int) -> None:
        """Write the weights as they are; those that a checkpoint still speaks of stay."""
        array_file.write(self._path(position), {name: v.numpy() for name, v in self.variables.items()})
        named = {self._path(state.best_position) for state in self.checkpoints.kept_states()}
        array_file.remove(set(self.checkpoints.folder.glob(f"{PREFIX}*{SUFFIX}")) - named - {self._path(position)})

    def choose(self, state: State) -> bool:
        """Load the best weights into the model where they are clearly better than the last; whether they were."""
        if state.best_score - state.last_score <= CLEARLY_BETTER:
            return False
        path = self._path(state.best_position)
        try:
            arrays = array_file.read(path)
            array_file.check(arrays, {name: tuple(v.shape) for name, v in self.variables.items()})
        except array_file.DamagedFileError as error:
            log.warning("%s: not usable: %s: the model gets the last weights", path.name, error)
            return False
        for name, variable in self.variables.items():
            variable.assign(arrays[name])
        return True

    def _path(self, position: int) -> Path:
        return self.checkpoints.folder / f"{PREFIX}{position:09d}{SUFFIX}"
