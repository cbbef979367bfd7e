"""What one hyperparameter is: a name, its place in the settings, its meaning and its allowed range."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from maskrcnn.program import JobError


@dataclasses.dataclass(frozen=True)
class Hyperparameter:
    """One of the product's own names; those of other systems lead to them (`maskrcnn.hyperparameters.dialects`).

    Attributes:
        name: As in hyperparameters.json.
        path: Where the value goes in Settings; that field gives the type and the default.
        meaning: What it does, for the table.
        low, high: Allowed range of a number, and of each number in a list.
        shorthand: Spells out a short form before the value is read, such as `2x`.
    """

    name: str
    path: str
    meaning: str
    low: float | None = None
    high: float | None = None
    shorthand: Callable[[str], str] | None = None


def invalid(name: str, text: str, rule: str) -> JobError:
    """The refusal of a value: CONFIG_INVALID with the name, the value, the rule and the fix."""
    return JobError("CONFIG_INVALID", f'hyperparameter {name} = "{text}": {rule}')
