"""From the strings of a job to checked settings."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping

from maskrcnn.hyperparameters import values
from maskrcnn.hyperparameters.augmentations import AUGMENTATIONS
from maskrcnn.hyperparameters.checks import check_together
from maskrcnn.hyperparameters.dialects import FOREIGN
from maskrcnn.hyperparameters.entries import invalid
from maskrcnn.hyperparameters.table import BY_NAME, TABLE
from maskrcnn.program import JobError
from maskrcnn.training.config import Settings
from maskrcnn.training.presets import PRESETS

DEFAULT_PRESET = "r50"
IGNORED_PREFIX = "sagemaker_"  # the SageMaker SDK adds these to every job
MAY_CHANGE = frozenset({"log_seconds", "checkpoint_seconds", "keep_checkpoints", "eval_period", "batch_size_per_gpu",
                        "gpus", "precision", "deterministic", "score_threshold", "nms_iou", "detections", "candidates",
                        "proposals", "joint_candidates", "joint_proposals", "backbone_weights", "load_model",
                        "fc6_rows", "quantize", "class_names", "class_count", "xla", "tile_overlap", "tile_whole"})
"""What a resumed run may set anew, because it does not bend what was learned so far. The batch is among them:
running out of memory is answered by halving it."""
IDENTITY = ("run_id", "version")
"""Passed by the pipeline; they name the model and decide nothing."""
HALVINGS = "batch_halvings"
"""Passed by the pipeline: how often the batch is halved because memory ran out. What is counted in steps, such as
num_steps, is counted in those of the whole batch, so that a run goes on where it was."""


@dataclasses.dataclass(frozen=True)
class Resolved:
    """Checked hyperparameters."""

    preset: str
    settings: Settings
    run_id: str
    version: str
    notes: tuple[str, ...] = ()
    """Sentences for the log: what was given and has no effect."""
    chosen: frozenset[str] = frozenset()
    """Our names of what was given; the rest is the preset's."""

    def as_strings(self) -> dict[str, str]:
        """Every decided value by its own name; resolving them again gives the same settings."""
        decided = {entry.name: values.render(values.get(self.settings, entry.path)) for entry in TABLE}
        return {"preset": self.preset, **decided}


@dataclasses.dataclass(frozen=True)
class _Value:
    given: str
    """Name as the user wrote it."""
    text: str


def resolve(given: Mapping[str, str], replicas: int = 1) -> Resolved:
    """Lay hyperparameters over their preset.

    Args:
        given: Names and values as texts.
        replicas: Devices of all hosts; a step is of batch_size_per_gpu images on each.

    Raises:
        JobError: CONFIG_INVALID: an unknown name (with the nearest known one), a wrong type, out of range, or
            two values that contradict each other.
    """
    texts = {name: values.unquoted(value) for name, value in given.items() if not name.startswith(IGNORED_PREFIX)}
    identity = {name: texts.pop(name, "") for name in IDENTITY}
    halvings = texts.pop(HALVINGS, "0")
    preset = texts.pop("preset", DEFAULT_PRESET)
    if preset not in PRESETS:
        raise invalid("preset", preset, f"must be one of {', '.join(PRESETS)}")
    if not halvings.isdecimal():
        raise invalid(HALVINGS, halvings, "must be a whole number from 0")
    own, notes = _own(texts, _batch(texts, PRESETS[preset]) * replicas)
    settings, laid = PRESETS[preset], {**_augmentation(own), **own}
    for name, value in laid.items():
        settings = values.replace(settings, BY_NAME[name].path, values.parse(BY_NAME[name], value.given, value.text))
    check_together(settings, PRESETS[preset], {name: value.given for name, value in laid.items()})
    batch = max(settings.training.batch_size_per_gpu // 2 ** int(halvings), 1)
    settings = values.replace(settings, "training.batch_size_per_gpu", batch)
    settings = values.replace(settings, "training.replicas", replicas)
    return Resolved(preset, settings, identity["run_id"], identity["version"], tuple(notes),
                    frozenset(own))


def _augmentation(own: Mapping[str, _Value]) -> dict[str, _Value]:
    """What the augmentation sets that was given; what is given by its own name overrules it."""
    given = own.get("augmentation")
    strengths = AUGMENTATIONS.get(given.text, {}) if given else {}
    return {name: _Value("augmentation", text) for name, text in strengths.items()}


def _batch(texts: Mapping[str, str], preset: Settings) -> int:
    """Images a step, which other systems' counts of steps are multiplied by."""
    entry = BY_NAME["batch_size_per_gpu"]
    for name, text in texts.items():
        if name == entry.name or (name in FOREIGN and entry.name in FOREIGN[name].targets):
            return int(values.parse(entry, name, text))
    return preset.training.batch_size_per_gpu


def _own(texts: Mapping[str, str], batch: int) -> tuple[dict[str, _Value], list[str]]:
    """What the values say under the product's own names, and sentences about those without effect."""
    own: dict[str, _Value] = {}
    notes = []
    for name, text in texts.items():
        if name in BY_NAME:
            said = {name: text}
        elif name in FOREIGN:
            try:
                said = FOREIGN[name].translate(text, batch)
            except (ValueError, TypeError) as error:
                raise invalid(name, text, str(error)) from error
            if FOREIGN[name].idle:
                notes.append(f'hyperparameter {name} = "{text}": {FOREIGN[name].effect}')
        else:
            raise _unknown(name)
        for target, value in said.items():
            if target in own and own[target].text != value:
                raise invalid(name, text, f"is about the same setting as {own[target].given} and says another value: "
                              "keep one of the two")
            own[target] = _Value(name, value)
    return own, notes


def _unknown(name: str) -> JobError:
    near = nearest(name, [*BY_NAME, *FOREIGN, *IDENTITY, "preset"])
    hint = f"did you mean {near}?" if near else "docs/hyperparameters.md lists the known ones"
    return JobError("CONFIG_INVALID", f"hyperparameter {name}: unknown: {hint}")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like this one, whatever its case, dashes and `config:` prefix."""
    plain = {_plain(one): one for one in known}
    found = difflib.get_close_matches(_plain(name), plain, 1, 0.6)
    return plain[found[0]] if found else None


def _plain(name: str) -> str:
    return name.lower().removeprefix("config:").replace("-", "_").replace(".", "_")
