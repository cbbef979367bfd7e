"""docs/hyperparameters.md, written from the tables."""

from __future__ import annotations

import typing

from maskrcnn.hyperparameters import values
from maskrcnn.hyperparameters.augmentations import AUGMENTATIONS, NAMES
from maskrcnn.hyperparameters.dialects import FOREIGN, OWN_IN_OTHERS, SYSTEMS
from maskrcnn.hyperparameters.entries import Hyperparameter
from maskrcnn.hyperparameters.resolving import DEFAULT_PRESET, HALVINGS, IDENTITY, MAY_CHANGE
from maskrcnn.hyperparameters.table import TABLE
from maskrcnn.training.presets import PRESETS


def table() -> str:
    """The Markdown table of the product's own names."""
    presets = list(PRESETS)
    lines = [f"| name | meaning | {' | '.join(presets)} | values | also known as |", "|---" * (len(presets) + 4) + "|"]
    for entry in TABLE:
        defaults = " | ".join(f"`{values.render(values.get(PRESETS[preset], entry.path))}`" for preset in presets)
        others = ", ".join(f"`{name.name}`" for name in FOREIGN.values() if entry.name in name.targets)
        lines.append(f"| `{entry.name}` | {entry.meaning} | {defaults} | {_values(entry)} | {others} |")
    return "\n".join(lines)


def system_table(system: str) -> str:
    """The Markdown table of one other system's names."""
    rows = [f"| `{name}` | the same here |" for name in OWN_IN_OTHERS.get(system, ())]
    rows += [f"| `{name.name}` | {name.effect} |" for name in SYSTEMS[system]]
    return "\n".join(["| name there | effect here |", "|---|---|", *rows])


def augmentation_table() -> str:
    """The Markdown table of what `augmentation` sets."""
    rows = [f"| `{name}` | {' | '.join(strengths[name] for strengths in AUGMENTATIONS.values())} |" for name in NAMES]
    return "\n".join([f"| sets | {' | '.join(AUGMENTATIONS)} |", "|---" * (len(AUGMENTATIONS) + 1) + "|", *rows])


def page() -> str:
    """The whole of docs/hyperparameters.md."""
    systems = "\n\n".join(f"## Names of {system}\n\n{system_table(system)}" for system in SYSTEMS)
    return f"""# Hyperparameters of training

Strings, as SageMaker passes them: numbers, `True` or `False`, lists like `[8, 16]`, objects like `{{"epochs": 20}}`.
They are laid over a preset (`preset`: {", ".join(PRESETS)}; default {DEFAULT_PRESET}); an unknown name, a wrong type,
a value out of range or a contradiction ends the job with CONFIG_INVALID before any work, with the nearest known name.
A name that can have no effect here is accepted and said in the log; one whose loss would mislead is refused with the
reason. This page is generated: `python -m maskrcnn.hyperparameters`.

{table()}

{" and ".join(f"`{name}`" for name in IDENTITY)} are passed by the pipeline and name the model; `{HALVINGS}` too, which
says how often the batch is halved because memory ran out.
A run resumes only under the settings it was started with; these may change between attempts:
{", ".join(f"`{name}`" for name in sorted(MAY_CHANGE))}.

## Stages

`stages`, or `TRAIN_SEQ`, replaces epochs and schedules: `[{{"epochs": 20, "layers": "heads", "lr": 0.001}},
{{"epochs": 40, "layers": "all", "lr": 0.0001}}]` trains the heads for 20 epochs and then everything for 20 more.
`layers` is `heads` (all but the backbone), `3+`, `4+`, `5+` (the heads and the backbone from that stage on), `all`,
or a regex that must match the whole of a layer's name, as in matterport's Mask_RCNN (`mrcnn_mask_conv1`,
`res5a_branch2b`) or as among our weights (`maskrcnn/fcn0/W`). Other layers do not move, nor do the statistics of their
batch norms. `lr` is the rate of a step, whatever the batch; `warmup` leads to the first one, in at most half of its
stage. Each stage begins with an empty optimizer. A run that was interrupted goes on in its stage as if it had not been.

## Augmentation

`augmentation` sets these at once, over what the preset says; whichever of them is given too keeps its own value. Flips
from medium on, quarter turns and the free rotation of heavy are for parts without an upper side; `zoom`, `shift` and
rotation leave black where nothing was. Masks follow every motion; `copy_paste` needs outlined defects and pastes them
where they lay on their own part. `mosaic`, `train_short_edge` and tiles are settings of their own.

{augmentation_table()}

{systems}
"""


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)


def _values(entry: Hyperparameter) -> str:
    kind = values.annotation(entry.path)
    if typing.get_origin(kind) is typing.Literal:
        return ", ".join(typing.get_args(kind))
    low = f", from {_number(entry.low)}" if entry.low is not None else ""
    high = f" to {_number(entry.high)}" if entry.high is not None else ""
    return "text" if kind is str else f"{values.describe(kind)}{low}{high}"
