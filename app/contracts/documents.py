"""Turn frozen dataclasses into JSON and back, and say clearly what is wrong with a bad document."""

from __future__ import annotations

import dataclasses
import functools
import json
import types
import typing
from typing import Any, TypeVar

D = TypeVar("D")


class ContractError(ValueError):
    """A document that breaks its contract; the message names the field, the rule and an example or fix."""


def to_json(document: Any, *, indent: int | None = None) -> str:
    """Serialise a dataclass (or plain JSON value) with sorted keys, so equal documents give equal bytes."""
    separators = None if indent else (",", ":")
    return json.dumps(document, sort_keys=True, indent=indent, separators=separators, default=_fields_of)


def from_json(kind: type[D], text: str | bytes) -> D:
    """Parse JSON text into the dataclass `kind`.

    Raises:
        ContractError: the text is no JSON, or a field is missing, unknown or of the wrong type.
    """
    try:
        plain = json.loads(text)
    except ValueError as error:
        raise ContractError(f"{kind.__name__}: not valid JSON ({error}): write it again") from error
    return from_plain(kind, plain)


def from_plain(kind: type[D], plain: Any, where: str = "") -> D:
    """Build the dataclass `kind` from plain JSON values, checking names and types on the way.

    Args:
        kind: A dataclass whose fields are JSON types, other dataclasses, tuples, dicts or unions with None.
        plain: What `json.loads` gave.
        where: The path shown in messages; defaults to the name of `kind`.

    Raises:
        ContractError: a field is missing, unknown or of the wrong type.
    """
    where = where or kind.__name__
    if not isinstance(plain, dict):
        raise ContractError(f"{where}: expected an object, got {_kind_of(plain)}")
    if (quick := _scalars(kind)) and _fits(plain, *quick):  # type: ignore[arg-type]
        return kind(**plain)
    hints, fields = _shape(kind)  # type: ignore[arg-type]  # a class is hashable
    if unknown := sorted(plain.keys() - fields.keys()):
        raise ContractError(f"{where}.{unknown[0]}: unknown field: known are {', '.join(sorted(fields))}")
    values = {}
    for name, field in fields.items():
        if name in plain:
            values[name] = _convert(hints[name], plain[name], f"{where}.{name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ContractError(f"{where}.{name}: missing: every {kind.__name__} has one")
    return kind(**values)


@functools.cache
def _shape(kind: type[Any]) -> tuple[dict[str, Any], dict[str, dataclasses.Field[Any]]]:
    """Types and fields by name: worked out once, because a version has millions of members."""
    return typing.get_type_hints(kind), {f.name: f for f in dataclasses.fields(kind) if f.init}


@functools.cache
def _scalars(kind: type[Any]) -> tuple[dict[str, Any], frozenset[str]] | None:
    """For a contract of plain values alone: field -> its type or its allowed values, and the fields it must have."""
    hints, fields = _shape(kind)  # type: ignore[arg-type]
    rules = {}
    for name in fields:
        hint = hints[name]
        if typing.get_origin(hint) is typing.Literal:
            rules[name] = frozenset(typing.get_args(hint))
        elif hint in (str, int, bool):
            rules[name] = hint
        else:
            return None
    missing = dataclasses.MISSING
    needed = (n for n, f in fields.items() if f.default is missing and f.default_factory is missing)
    return rules, frozenset(needed)


def _fits(plain: dict[str, Any], rules: dict[str, Any], needed: frozenset[str]) -> bool:
    """Whether plain values are right as they are; where they are not, the long way finds the words."""
    for name, value in plain.items():
        rule = rules.get(name)
        if rule is None or (type(value) is not rule if isinstance(rule, type) else value not in rule):
            return False
    return needed <= plain.keys()


def _fields_of(document: Any) -> dict[str, Any]:
    """A dataclass as an object, for the JSON encoder."""
    if not dataclasses.is_dataclass(document) or isinstance(document, type):
        raise TypeError(f"{type(document).__name__} is no JSON value and no dataclass")
    return {name: getattr(document, name) for name in _names(type(document))}


@functools.cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


def _convert(hint: Any, value: Any, where: str) -> Any:
    """Check `value` against the type `hint`, converting lists to tuples and objects to dataclasses."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return _convert(next(a for a in arguments if a is not type(None)), value, where)
    if origin is typing.Literal:
        if value not in arguments:
            raise ContractError(f"{where}: {value!r} is not one of {', '.join(map(repr, arguments))}")
        return value
    if origin is tuple and isinstance(value, list | tuple):
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(_convert(arguments[0], v, f"{where}[{i}]") for i, v in enumerate(value))
        if len(arguments) == len(value):
            pairs = zip(arguments, value, strict=True)
            return tuple(_convert(a, v, f"{where}[{i}]") for i, (a, v) in enumerate(pairs))
    if origin is dict and isinstance(value, dict):
        return {k: _convert(arguments[1], v, f"{where}.{k}") for k, v in value.items()}
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return from_plain(hint, value, where)
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, type) and isinstance(value, hint) and (hint is bool or not isinstance(value, bool)):
        return value
    raise ContractError(f"{where}: expected {getattr(hint, '__name__', hint)}, got {_kind_of(value)}")


def _kind_of(value: Any) -> str:
    return f"{type(value).__name__} {json.dumps(value, default=str)[:60]}"
