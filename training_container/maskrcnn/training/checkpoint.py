"""Checkpoints: everything that decides how training goes on, in one file each.

A checkpoint holds weights, optimizer slots, the state of loss scaling and where training stands. Sampling, order
and augmentation are functions of seed and position, so seed and position are the random state.
"""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from maskrcnn.program import JobError
from maskrcnn.training import array_file
from maskrcnn.training.array_file import DamagedFileError

log = logging.getLogger("castline")

PREFIX, SUFFIX = "checkpoint-", ".npz"
STATE = "state.json"

Arrays = dict[str, NDArray[Any]]


@dataclasses.dataclass(frozen=True)
class State:
    """Where training stands, counted in images: a batch may change between attempts.

    Attributes:
        step: Steps taken.
        position: Images seen, which is also where the input goes on.
        fingerprint: The settings that a resumed run must share.
        evaluated_position: Position of the last evaluation, -1 before the first.
        last_score: Its score.
        best_position: Position of the best evaluation, -1 before the first.
        best_score: Its score.
        reached_targets: An evaluation was as good as box_target and mask_target ask, so training is over.
        sums: Sums of the figures of each step since the epoch began.
        summed_steps: How many steps went into them.
    """

    step: int
    position: int
    fingerprint: dict[str, str]
    evaluated_position: int = -1
    last_score: float = -1.0
    best_position: int = -1
    best_score: float = -1.0
    reached_targets: bool = False
    sums: dict[str, float] = dataclasses.field(default_factory=dict)
    summed_steps: int = 0


class Checkpoints:
    """The checkpoints of one run in one folder, named by the images seen.

    Args:
        folder: Synchronised with S3 by SageMaker.
        variables: Everything that must come back, by name.
        keep: How many of the newest stay.
        optional: Variables that keep their initial value where a checkpoint does not have them.
    """

    def __init__(self, folder: Path, variables: Mapping[str, tf.Variable], keep: int,
                 optional: Mapping[str, tf.Variable] | None = None) -> None:
        self.folder, self.variables, self.keep = folder, dict(variables), keep
        self.optional = dict(optional or {})
        self._writer = ThreadPoolExecutor(1, "checkpoint")
        self._pending: Future[Path] | None = None

    def begin(self, state: State) -> None:
        """Copy everything now and write it while training goes on; waits for the one before.

        Raises:
            JobError: the one before could not be written; see `write`.
        """
        self.settle()
        arrays: Arrays = {name: v.numpy() for name, v in {**self.variables, **self.optional}.items()}
        self._pending = self._writer.submit(self._store, state, arrays)

    def settle(self) -> Path | None:
        """Wait until what was begun is on the disk; its path, None when nothing was begun.

        Raises:
            JobError: it could not be written; see `write`.
        """
        pending, self._pending = self._pending, None
        return pending.result() if pending else None

    def write(self, state: State) -> Path:
        """Write one now, and delete those beyond `keep`.

        Raises:
            JobError: LOSS_NOT_FINITE: a weight is NaN or infinite; CONFIG_INVALID: the disk is full.
        """
        self.begin(state)
        path = self.settle()
        assert path is not None  # noqa: S101  # begun in the line before
        return path

    def restore(self, fingerprint: Mapping[str, str]) -> tuple[Path, State] | None:
        """Load the newest whole checkpoint into the variables; None when training starts anew.

        Broken files newer than the one loaded are deleted: they would count among those to keep. When no file is
        whole, training starts anew only if there is a single one: then the process was lost during its first
        checkpoint. Otherwise work would be thrown away silently, so a person decides.

        Raises:
            JobError: CHECKPOINT_MISMATCH: written under other settings. CHECKPOINT_DAMAGED: several files, none whole.
        """
        for name in array_file.remove_torn(self.folder):
            log.warning("%s: removed: its writer was killed before it was whole", name)
        broken: list[Path] = []
        for path in self._newest_first():
            try:
                state, arrays = self._read(path)
            except DamagedFileError as error:
                log.warning("%s: not usable: %s: trying the one before it", path.name, error)
                broken.append(path)
                continue
            _check_same(path, state.fingerprint, fingerprint)
            for name, variable in {**self.variables, **self.optional}.items():
                variable.assign(arrays.get(name, variable))
            array_file.remove(broken)
            return path, state
        if len(broken) > 1:
            raise JobError("CHECKPOINT_DAMAGED", f"{self.folder}: none of {len(broken)} checkpoints is usable, newest "
                           f"{broken[0].name}: restore an earlier version of one (the bucket keeps versions), or empty "
                           "the folder to start anew")
        array_file.remove(broken)
        return None

    def newest(self) -> Path | None:
        """The last one written."""
        return next(iter(self._newest_first()), None)

    def _store(self, state: State, arrays: Arrays) -> Path:
        path = self.folder / f"{PREFIX}{state.position:09d}{SUFFIX}"
        if spoilt := array_file.first_not_finite(arrays):
            last = self.newest()
            raise JobError("LOSS_NOT_FINITE", f"step {state.step}: {spoilt} is NaN or infinite: no checkpoint written, "
                           f"last good one {last.name if last else 'none'}: lower base_lr")
        described = np.frombuffer(json.dumps(dataclasses.asdict(state)).encode(), np.uint8)
        array_file.write(path, {**arrays, STATE: described})
        array_file.remove(self._newest_first()[self.keep :])
        log.info("Model saved to %s", path)
        return path

    def _read(self, path: Path) -> tuple[State, Arrays]:
        arrays = array_file.read(path)
        array_file.check(arrays, {name: tuple(v.shape) for name, v in self.variables.items()})
        array_file.check(arrays, {name: tuple(v.shape) for name, v in self.optional.items() if name in arrays})
        return _state(arrays), arrays

    def kept_states(self) -> list[State]:
        """Where training stood at each checkpoint in the folder, newest first; damaged ones are left out."""
        states = []
        for path in self._newest_first():
            try:
                states.append(_state({STATE: array_file.read_entry(path, STATE)}))
            except DamagedFileError:
                continue
        return states

    def _newest_first(self) -> list[Path]:
        return sorted(self.folder.glob(f"{PREFIX}*{SUFFIX}"), reverse=True)


def _state(arrays: Mapping[str, NDArray[Any]]) -> State:
    if STATE not in arrays:
        raise DamagedFileError(f"an entry is missing: {STATE}")
    try:
        return State(**json.loads(arrays[STATE].tobytes()))
    except (ValueError, TypeError) as error:
        raise DamagedFileError(f"{STATE} is not what this release writes: {error}") from error


def _check_same(path: Path, theirs: Mapping[str, str], ours: Mapping[str, str]) -> None:
    changed = [f"{name} was {theirs.get(name, 'absent')}, is {ours.get(name, 'absent')}"
               for name in sorted({*theirs, *ours}) if theirs.get(name) != ours.get(name)]
    if changed:
        raise JobError("CHECKPOINT_MISMATCH", f"{path.name} was written under other settings: {'; '.join(changed)}: "
                       "set them back, or start a run with an empty checkpoint folder")
