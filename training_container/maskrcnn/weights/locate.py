"""Where a training job finds the weights that a hyperparameter names."""

from __future__ import annotations

from pathlib import Path

from maskrcnn.layout import Layout
from maskrcnn.program import JobError

CHANNELS = ("weights", "pretrained")
"""Input channels that are looked through."""
SEED_FOLDER = "pretrained-models"
"""Where the SageMaker examples put them, in the training channel."""


def locate(layout: Layout, hyperparameter: str, name: str) -> Path:
    """The file, folder or checkpoint prefix of this name.

    Args:
        layout: Of the job.
        hyperparameter: Which one names it, for the message.
        name: An absolute path, or one below the root of the layout or below a channel for weights.

    Raises:
        JobError: CONFIG_INVALID: nothing there has this name.
    """
    folders = [layout.root, *(layout.channel(channel) for channel in CHANNELS), layout.channel("train") / SEED_FOLDER]
    places = [folder / name for folder in folders]  # an absolute name replaces the folder
    for place in places:
        if place.exists() or place.with_name(f"{place.name}.index").exists():
            return place
    looked = ", ".join(str(place) for place in dict.fromkeys(places))
    raise JobError("CONFIG_INVALID", f'hyperparameter {hyperparameter} = "{name}": no such file (looked for {looked}): '
                   "give an absolute path, or one below the channel weights")
