"""Strings to typed values and back, by the annotations of the settings' fields."""

from __future__ import annotations

import ast
import dataclasses
import json
import typing
from typing import Any

from maskrcnn.hyperparameters.entries import Hyperparameter, invalid
from maskrcnn.training.config import Settings
from maskrcnn.training.presets import R50


def unquoted(text: str) -> str:
    """The value without the quotes and escapes of the SageMaker SDK, which writes strings as JSON."""
    text = text.strip()
    if text.startswith('"') and text.endswith('"') and len(text) > 1:
        try:
            return str(json.loads(text)).strip()
        except ValueError:
            return text.strip('"')
    return text


def plain(text: str) -> Any:
    """The Python or JSON literal that the text is.

    Raises:
        ValueError: it is neither.
    """
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return json.loads(text)  # true, false and null, as the SageMaker SDK writes them


def parse(entry: Hyperparameter, name: str, text: str) -> Any:
    """The value in the type that its field has, checked against the entry's range.

    Raises:
        JobError: CONFIG_INVALID: a wrong type, or out of range.
    """
    kind = annotation(entry.path)
    written = entry.shorthand(text) if entry.shorthand else text
    if typing.get_origin(kind) is typing.Literal:
        choices = typing.get_args(kind)
        if written not in choices:
            raise invalid(name, text, f"must be one of {', '.join(choices)}")
        return written
    if kind is str:
        return written
    try:
        value = _converted(kind, plain(written))
    except (ValueError, TypeError) as error:
        example = render(get(R50, entry.path))
        if example in ("()", ""):
            example = str([int(entry.low or 0)])
        raise invalid(name, text, f"must be {describe(kind)}; for example {example}") from error
    _check_range(entry, name, text, value)
    return value


def render(value: Any) -> str:
    """The text that `parse` reads back to the same value."""
    return str(_without_dataclasses(value))


def describe(kind: Any) -> str:
    """A type in words."""
    names = {int: "a whole number", float: "a number", bool: "True or False"}
    if dataclasses.is_dataclass(kind):
        return "an object with " + ", ".join(field.name for field in dataclasses.fields(kind))
    if dataclasses.is_dataclass(item := next(iter(typing.get_args(kind)), None)):
        return "a list of objects with " + ", ".join(field.name for field in dataclasses.fields(item))
    return names.get(kind, "a list")


def annotation(path: str) -> Any:
    """Type of the field at a dotted path of Settings."""
    kind: Any = Settings
    for part in path.split("."):
        kind = typing.get_type_hints(kind)[part]
    return kind


def get(document: Any, path: str) -> Any:
    """The value at a dotted path."""
    for part in path.split("."):
        document = getattr(document, part)
    return document


def replace(document: Any, path: str, value: Any) -> Any:
    """A copy of nested frozen dataclasses with one field changed."""
    head, _, rest = path.partition(".")
    return dataclasses.replace(document, **{head: replace(getattr(document, head), rest, value) if rest else value})


def _check_range(entry: Hyperparameter, name: str, text: str, value: Any) -> None:
    for number in _numbers(value):
        if entry.low is not None and number < entry.low:
            raise invalid(name, text, f"must be at least {entry.low:g}")
        if entry.high is not None and number > entry.high:
            raise invalid(name, text, f"must be at most {entry.high:g}")


def _numbers(value: Any) -> list[float]:
    """Every number in a value, however deep."""
    if isinstance(value, tuple):
        return [number for item in value for number in _numbers(item)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _numbers(dataclasses.astuple(value))
    return [value] if isinstance(value, int | float) and not isinstance(value, bool) else []


def _converted(kind: Any, literal: Any) -> Any:
    """Turn a literal into the type `kind`; ValueError when it is another one."""
    if kind is float and isinstance(literal, int | float) and not isinstance(literal, bool):
        return float(literal)
    if kind in (int, bool, str) and type(literal) is kind:
        return literal
    if dataclasses.is_dataclass(kind) and isinstance(kind, type) and isinstance(literal, dict):
        kinds = typing.get_type_hints(kind)
        return kind(**{str(key): _converted(kinds.get(str(key)), item) for key, item in literal.items()})
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is tuple and isinstance(literal, list | tuple):
        if arguments[1] is Ellipsis:
            return tuple(_converted(arguments[0], item) for item in literal)
        if len(arguments) == len(literal):
            return tuple(_converted(one, item) for one, item in zip(arguments, literal, strict=True))
    if type(None) in arguments:
        return None if literal is None else _converted(arguments[0], literal)
    raise ValueError(f"{literal!r} is not {kind}")


def _without_dataclasses(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return [_without_dataclasses(item) for item in value] if _holds_dataclasses(value) else value


def _holds_dataclasses(value: Any) -> bool:
    return isinstance(value, tuple) and any(dataclasses.is_dataclass(item) for item in value)
