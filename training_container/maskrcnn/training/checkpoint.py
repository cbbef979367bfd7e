"""Checkpoints: one file each, written beside and renamed, so that a file with the right name is a whole one.

A checkpoint holds weights, optimizer slots and everything else that decides how training goes on. Sampling,
order and augmentation are functions of seed and position, so seed and position are the random state.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from maskrcnn.program import JobError

log = logging.getLogger("castline")

PREFIX, SUFFIX = "checkpoint-", ".npz"
STATE = "state.json"


@dataclasses.dataclass(frozen=True)
class State:
    """Where training stands.

    Attributes:
        step: Steps taken.
        position: Images seen, which is also where the input goes on.
        evaluated_step: Step of the last evaluation, -1 before the first.
        best_score: Best mask AP so far, -1 before the first evaluation.
        best_step: Step of the best one.
        fingerprint: The settings that a resumed run must share.
    """

    step: int
    position: int
    evaluated_step: int
    best_score: float
    best_step: int
    fingerprint: dict[str, str]


class Checkpoints:
    """The checkpoints of one run in one folder.

    Args:
        folder: Synchronised with S3 by SageMaker.
        variables: Everything that must come back, by name.
        keep: How many of the newest stay.
    """

    def __init__(self, folder: Path, variables: Mapping[str, tf.Variable], keep: int) -> None:
        self.folder, self.variables, self.keep = folder, dict(variables), keep

    def write(self, state: State) -> Path:
        """Write one beside, rename it, and delete those beyond `keep`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{PREFIX}{state.step:09d}{SUFFIX}"
        beside = path.with_suffix(".writing")
        entries: dict[str, Any] = {name: variable.numpy() for name, variable in self.variables.items()}
        entries[STATE] = np.frombuffer(json.dumps(dataclasses.asdict(state)).encode(), np.uint8)
        with beside.open("wb") as file:
            np.savez(file, **entries)
        beside.replace(path)
        for old in self._newest_first()[self.keep :]:
            old.unlink()
        return path

    def restore(self, fingerprint: Mapping[str, str]) -> State | None:
        """Load the newest whole checkpoint into the variables; None when there is none.

        Raises:
            JobError: CHECKPOINT_MISMATCH: it was written under other settings.
        """
        for path in self._newest_first():
            try:
                state, arrays = self._read(path)
            except (zipfile.BadZipFile, EOFError, OSError, ValueError, KeyError) as error:
                log.warning("%s: not a whole checkpoint (%s): trying the one before it", path.name, error)
                continue
            _check_same(path, state.fingerprint, fingerprint)
            for name, variable in self.variables.items():
                variable.assign(arrays[name])
            log.info("Resumed from %s: step %d, %d images seen", path.name, state.step, state.position)
            return state
        return None

    def newest(self) -> Path | None:
        """The last one written."""
        return next(iter(self._newest_first()), None)

    def _read(self, path: Path) -> tuple[State, dict[str, NDArray[np.float32]]]:
        """Everything in the file; reading an entry checks its CRC."""
        with path.open("rb") as file, np.load(file) as entries:
            state = State(**json.loads(entries[STATE].tobytes()))
            return state, {name: entries[name] for name in entries.files if name != STATE}

    def _newest_first(self) -> list[Path]:
        return sorted(self.folder.glob(f"{PREFIX}*{SUFFIX}"), reverse=True)


def _check_same(path: Path, theirs: Mapping[str, str], ours: Mapping[str, str]) -> None:
    changed = [f"{name} was {theirs.get(name, 'absent')}, is {ours.get(name, 'absent')}"
               for name in sorted({*theirs, *ours}) if theirs.get(name) != ours.get(name)]
    if changed:
        raise JobError("CHECKPOINT_MISMATCH", f"{path.name} was written under other settings: {'; '.join(changed)}: "
                       "set them back, or start a run with an empty checkpoint folder")
