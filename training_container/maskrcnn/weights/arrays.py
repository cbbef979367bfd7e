"""What the modules of this package hand to each other: arrays by name, and the error that says what is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
"""Arrays by name; a Keras layer's are named `layer/kind`."""


class WeightsError(ValueError):
    """A file of weights cannot be used; the message names the file, the rule and the fix."""


def shift_variance(variance: NDArray[np.float32], theirs: float, ours: float) -> NDArray[np.float32]:
    """A batch norm's variance [C] that gives under our epsilon what it gave under theirs."""
    return variance + np.float32(theirs - ours)
