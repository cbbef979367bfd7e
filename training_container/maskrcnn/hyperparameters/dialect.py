"""How a name of another system is understood: the same thing, something to be translated, of no effect, or refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from maskrcnn.hyperparameters import values

Translation = Callable[[str, int], dict[str, str]]
"""(text, images a step) -> values of the product's own names; ValueError with the rule that the text breaks."""


@dataclasses.dataclass(frozen=True)
class Foreign:
    """One name of another system.

    Attributes:
        name: As users of that system write it.
        effect: What happens here, for the table and the log.
        translate: Into the product's own names.
        targets: The own names that it may set; none of them may be set to another value besides.
        idle: It has no effect, which the log says.
    """

    name: str
    effect: str
    translate: Translation
    targets: tuple[str, ...] = ()
    idle: bool = False


def same(name: str, *targets: str, note: str = "") -> Foreign:
    """Another name of one hyperparameter, or of several that get the same value."""
    effect = " and ".join(f"`{target}`" for target in targets) + (f"; {note}" if note else "")
    return Foreign(name, effect, lambda text, batch: dict.fromkeys(targets, text), targets)


def choice(name: str, target: str, words: dict[str, str]) -> Foreign:
    """A hyperparameter whose values are called otherwise: their word -> ours."""
    def translate(text: str, batch: int) -> dict[str, str]:
        if text not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return {target: words[text]}

    effect = f"`{target}`: " + ", ".join(f"{theirs} is {ours}" if theirs != ours else theirs
                                         for theirs, ours in words.items())
    return Foreign(name, effect, translate, (target,))


def translated(name: str, effect: str, targets: tuple[str, ...], translate: Translation) -> Foreign:
    """A value that has to be converted."""
    return Foreign(name, effect, translate, targets)


def fixed(name: str, allowed: tuple[object, ...], why: str) -> Foreign:
    """Only values that say what is done anyway; another one would be ignored, so it is refused."""
    words = " or ".join(str(value) for value in allowed)

    def translate(text: str, batch: int) -> dict[str, str]:
        if text not in allowed and _literal(text) not in allowed:
            raise ValueError(f"must be {words}: {why}")
        return {}

    return Foreign(name, f"only {words}: {why}", translate)


def idle(name: str, why: str) -> Foreign:
    """Accepted without effect: nothing that its user would expect goes missing."""
    return Foreign(name, f"no effect: {why}", lambda text, batch: {}, idle=True)


def refused(name: str, why: str) -> Foreign:
    """Known, but ignoring it would mislead."""
    def translate(text: str, batch: int) -> dict[str, str]:
        raise ValueError(f"not supported: {why}")

    return Foreign(name, f"refused: {why}", translate)


def numbers(text: str, count: int = 0) -> list[float]:
    """The numbers of a list, `count` of them where it is given.

    Raises:
        ValueError: it is something else.
    """
    try:
        literal = values.plain(text)
    except ValueError as error:
        raise ValueError("must be a list of numbers") from error
    listed = isinstance(literal, list | tuple) and all(
        isinstance(item, int | float) and not isinstance(item, bool) for item in literal)
    if not listed or (count and len(literal) != count):
        raise ValueError(f"must be a list of {count or ''} numbers".replace("  ", " "))
    return list(literal)


def whole(text: str, low: int) -> int:
    """A whole number from `low` on.

    Raises:
        ValueError: it is something else.
    """
    if not text.isdecimal() or int(text) < low:
        raise ValueError(f"must be a whole number from {low}")
    return int(text)


def _literal(text: str) -> object:
    try:
        literal = values.plain(text)
    except ValueError:
        return text
    return tuple(literal) if isinstance(literal, list) else literal
