"""Arrays into the variables of a network, with a word on each that does not fit."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray

from maskrcnn.model.mask_rcnn import MaskRCNN
from maskrcnn.weights.arrays import WeightsError


@dataclasses.dataclass(frozen=True)
class Report:
    """What became of the arrays.

    Attributes:
        loaded: Names of the variables that got a value.
        left: One line for each variable that kept its value, with the reason.
        unused: Names of the arrays that no variable has.
    """

    loaded: tuple[str, ...]
    left: tuple[str, ...]
    unused: tuple[str, ...]


def assign(model: MaskRCNN, arrays: Mapping[str, NDArray[Any]], source: str, *, strict: bool,
           wanted: Callable[[str], bool] = lambda name: True) -> Report:
    """Give the variables of a network the arrays of their names.

    Args:
        model: Gets the values.
        arrays: By our names, in our layouts.
        source: Name of the file, for messages.
        strict: Every wanted variable must get a value, or none gets one.
        wanted: Which variables are looked at, by name.

    Raises:
        WeightsError: strict and something does not fit, or nothing fits at all.
    """
    variables = {name: v for name, v in model.named_variables().items() if wanted(name)}
    reasons = {name: _mismatch(name, tuple(variable.shape), arrays) for name, variable in variables.items()}
    loaded = tuple(name for name, reason in reasons.items() if not reason)
    left = tuple(f"{name}: {reason}" for name, reason in reasons.items() if reason)
    if left and (strict or not loaded):
        raise WeightsError(f"{source}: {len(left)} of {len(variables)} weights do not fit this network, first "
                           f"{left[0]}: build the network as the file's was, or take another file")
    for name in loaded:
        variables[name].assign(arrays[name])
    unused = tuple(sorted(name for name in arrays if name not in variables and wanted(name)))
    return Report(loaded, left, unused)


def _mismatch(name: str, shape: tuple[int, ...], arrays: Mapping[str, NDArray[Any]]) -> str:
    """Why the variable cannot have its array; empty when it can."""
    if name not in arrays:
        return "not in the file"
    return "" if arrays[name].shape == shape else f"{arrays[name].shape} in the file, {shape} here"
