"""Where training starts from: the backbone or the whole model that the hyperparameters name."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Collection, Sequence
from typing import Any

from maskrcnn import hyperparameters
from maskrcnn.layout import Layout
from maskrcnn.model.config import ModelConfig
from maskrcnn.model.mask_rcnn import MaskRCNN
from maskrcnn.program import JobError
from maskrcnn.training.config import TrainingConfig
from maskrcnn.weights.arrays import WeightsError
from maskrcnn.weights.assign import Report, assign
from maskrcnn.weights.formats import Source, open_source
from maskrcnn.weights.locate import locate

log = logging.getLogger("castline")

_NAMES = {entry.path: entry.name for entry in hyperparameters.TABLE}
SHOWN = 5
"""Names of unused arrays in the log."""


@dataclasses.dataclass(frozen=True)
class Start:
    """One file to start from.

    Attributes:
        hyperparameter: That named it: backbone_weights or load_model.
        source: What it holds.
    """

    hyperparameter: str
    source: Source

    def wants(self, name: str) -> bool:
        """Whether a variable of this name is looked for in it."""
        return self.hyperparameter == "load_model" or name.startswith(("conv0/", "group"))


def find(layout: Layout, training: TrainingConfig) -> list[Start]:
    """What the hyperparameters name, in the order of loading: a whole model overrules a backbone.

    Raises:
        JobError: CONFIG_INVALID: a file is missing, damaged or of an unknown format.
    """
    named = {"backbone_weights": training.backbone_weights, "load_model": training.load_model}
    starts = []
    for hyperparameter, name in named.items():
        if name:
            path = locate(layout, hyperparameter, name)
            try:
                starts.append(Start(hyperparameter, open_source(path)))
            except WeightsError as error:
                raise JobError("CONFIG_INVALID", f"hyperparameter {hyperparameter}: {error}") from error
    return starts


def adapted(config: ModelConfig, starts: Sequence[Start], chosen: Collection[str] = ()) -> ModelConfig:
    """The network's configuration with what the weights were made for, where nothing else was asked for.

    A setting that the user named, or that is not at its default, was chosen: it stays, and the log says what the
    weights expect. Statistics of FreezeBN are at home in SyncBN too.

    Args:
        config: As the hyperparameters say.
        starts: What the weights come from.
        chosen: Hyperparameters that the user named.
    """
    for start in starts:
        for path, value in start.source.facts.items():
            if not path.startswith(("backbone.", "input.")) and start.hyperparameter != "load_model":
                continue
            now, default = _get(config, path), _get(ModelConfig(), path)
            name = _NAMES[f"model.{path}"]
            if now == value or (now, value) == ("SyncBN", "FreezeBN"):
                continue
            if now == default and name not in chosen:
                log.info("%s = %s, because %s has weights of %s", name, value, start.source.path.name,
                         start.source.format.name)
                config = _set(config, path, value)
            else:
                log.warning("%s = %s, and the weights of %s (%s) were made for %s: they fit less well", name, now,
                            start.source.path.name, start.source.format.name, value)
    return config


def load(model: MaskRCNN, starts: list[Start], training: TrainingConfig) -> None:
    """Put the weights into the network, and log what did not fit.

    Takes them off the list, so that training does not carry the memory of whole files.

    Raises:
        JobError: CONFIG_INVALID: nothing in a file fits, or anchors were fitted and its RPN has another number of them.
    """
    while starts:
        start = starts.pop(0)
        source = start.source
        try:
            report = assign(model, source.convert(model.config, training.fc6_rows), str(source.path), strict=False,
                            wanted=start.wants)
        except WeightsError as error:
            raise JobError("CONFIG_INVALID", f"hyperparameter {start.hyperparameter}: {error}") from error
        _log(start, report)
        if training.anchor_fit and start.hyperparameter == "load_model":
            _check_anchors(start, report)


def _check_anchors(start: Start, report: Report) -> None:
    """Refuse fitted anchors that the loaded RPN has no outputs for: it would be forgotten without need."""
    for line in report.left:
        if line.startswith(("rpn/class/", "rpn/box/")):
            raise JobError("CONFIG_INVALID", f'hyperparameter anchor_fit = "True": the RPN of load_model '
                           f"{start.source.path.name} does not fit ({line}): give as many anchor_ratios as that model "
                           "has, or set anchor_fit to False")


def _log(start: Start, report: Report) -> None:
    source, total = start.source, len(report.loaded) + len(report.left)
    log.info("%s: %d of %d variables from %s, format %s", start.hyperparameter, len(report.loaded), total, source.path,
             source.format.name)
    for line in report.left:
        log.info("Not loaded: %s", line)
    if report.unused:
        more = f" and {len(report.unused) - SHOWN} more" if len(report.unused) > SHOWN else ""
        log.info("Not used: %s%s", ", ".join(report.unused[:SHOWN]), more)


def _get(document: Any, path: str) -> Any:
    for part in path.split("."):
        document = getattr(document, part)
    return document


def _set(document: Any, path: str, value: Any) -> Any:
    head, _, rest = path.partition(".")
    return dataclasses.replace(document, **{head: _set(getattr(document, head), rest, value) if rest else value})
