"""Whose weights a file holds, and what the network must be for them: recognised by what is in it, never by its name."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from maskrcnn.model.config import ModelConfig, Norm
from maskrcnn.weights import containers, keras_mobilenet, keras_resnet, matterport, own, tensorpack
from maskrcnn.weights.arrays import Arrays, WeightsError
from maskrcnn.weights.keras_resnet import APPLICATIONS_EPSILON, CAFFE, DEFAULT_EPSILON, Pixels

RowsChoice = Literal["auto", "CHW", "HWC"]
_BATCH_NORM = re.compile(r"(^|[/_])bn")
"""conv0/bn/gamma, conv1_bn/gamma, bn_conv1/gamma, bn2a_branch2a/gamma."""


@dataclasses.dataclass(frozen=True)
class Format:
    """One kind of weights.

    Attributes:
        name: For the log.
        recognises: Whether these arrays are of this kind.
        convert: Arrays, our network and the order of fc6's rows -> our names and layouts.
        facts: Settings of the network under which the weights give what they gave at home, by path in ModelConfig.
    """

    name: str
    recognises: Callable[[Arrays], bool]
    convert: Callable[[Arrays, ModelConfig, RowsChoice], Arrays]
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Source:
    """Weights as read, before they are converted for a network."""

    path: Path
    format: Format
    arrays: Arrays

    @property
    def facts(self) -> dict[str, Any]:
        """What the network must be for these weights: the format's facts, and the norm whose arrays are there."""
        norm = norm_of(self.arrays)
        return {**self.format.facts, **({"backbone.norm": norm} if norm else {})}

    def convert(self, config: ModelConfig, fc6_rows: RowsChoice = "auto") -> Arrays:
        """The weights under our names and in our layouts, for a network of this configuration."""
        return self.format.convert(self.arrays, config, fc6_rows)


def open_source(path: Path) -> Source:
    """Read a file or folder and recognise its format.

    Raises:
        WeightsError: it cannot be read, or holds no weights that we know.
    """
    arrays = containers.read(path)
    for known in FORMATS:
        if known.recognises(arrays):
            return Source(path, known, arrays)
    some = ", ".join(sorted(arrays)[:3])
    raise WeightsError(f"{path}: arrays of an unknown network ({some}, {len(arrays)} in all): docs/weights.md lists "
                       "the formats that can be read")


def norm_of(names: Iterable[str]) -> Norm | None:
    """The backbone's normalisation that arrays of these names belong to, None where there is none."""
    found = list(names)
    if any("/gn/" in name for name in found if name.startswith(("conv0/", "group"))):
        return "GN"
    return "FreezeBN" if any(_BATCH_NORM.search(name) for name in found) else None


def _ours(arrays: Arrays, config: ModelConfig, rows: RowsChoice) -> Arrays:
    return {name: value for name, value in arrays.items() if name != own.MARKER}


def _tensorpack(arrays: Arrays, config: ModelConfig, rows: RowsChoice) -> Arrays:
    return tensorpack.to_ours(arrays, "CHW" if rows == "auto" else rows, config.box.pool_size)


def _imagenet(epsilon: float) -> Callable[[Arrays, ModelConfig, RowsChoice], Arrays]:
    return lambda arrays, config, rows: keras_resnet.to_ours(arrays, CAFFE, _pixels(config), epsilon)


def _matterport(arrays: Arrays, config: ModelConfig, rows: RowsChoice) -> Arrays:
    return matterport.to_ours(arrays, _pixels(config), config.box.regression_weights)


def _pixels(config: ModelConfig) -> Pixels:
    return Pixels(config.input.pixel_mean, config.input.pixel_std)


def _layers(arrays: Arrays) -> set[str]:
    return {name.rpartition("/")[0] for name in arrays}


_KERAS_FACTS = {"backbone.stride_in_1x1": True, "backbone.padding": "symmetric"}
FORMATS = (
    Format("Castline", lambda arrays: own.MARKER in arrays, _ours),
    Format("Matterport Mask R-CNN", lambda arrays: matterport.is_matterport(_layers(arrays)), _matterport,
           {**_KERAS_FACTS, "input.pixel_mean": matterport.PIXELS.mean, "rpn.channels": 512}),
    Format("keras.applications ResNet", lambda arrays: keras_resnet.is_applications(_layers(arrays)),
           _imagenet(APPLICATIONS_EPSILON), {**_KERAS_FACTS, "input.pixel_mean": CAFFE.mean}),
    Format("keras.applications MobileNetV2", lambda arrays: keras_mobilenet.is_mobilenet_v2(_layers(arrays)),
           lambda arrays, config, rows: keras_mobilenet.to_ours(arrays, _pixels(config)),
           {"backbone.padding": "same", "input.pixel_mean": keras_mobilenet.PIXELS.mean}),
    Format("Keras ResNet with Caffe's names", lambda arrays: keras_resnet.is_caffe_named(_layers(arrays)),
           _imagenet(DEFAULT_EPSILON), {**_KERAS_FACTS, "input.pixel_mean": CAFFE.mean}),
    Format("tensorpack", lambda arrays: bool({"conv0/W", "conv0/W:0"} & arrays.keys()), _tensorpack),
)
"""In the order in which they are tried: a Matterport network also has a ResNet with Caffe's names."""
