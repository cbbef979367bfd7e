"""botocore's service models: checks requests, and cuts records to the shape of an answer."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

import botocore.session
from botocore.validate import ParamValidator

from app.embedded.sagemaker.errors import ApiError, validation

Record = dict[str, Any]


@functools.cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def check_request(operation: str, parameters: Record, service: str = "sagemaker") -> None:
    """Raise ApiError unless `parameters` is a valid request of `operation`."""
    if operation not in _model(service).operation_names:
        raise ApiError("UnknownOperationException", f"{operation} is not an operation of {service}")
    shape = _model(service).operation_model(operation).input_shape
    problems = [*_problems(shape, parameters)]
    if problems:
        raise validation("; ".join(problems))


def project(operation: str, record: Record, service: str = "sagemaker") -> Record:
    """What the answer of `operation` may say of `record`."""
    shape = _model(service).operation_model(operation).output_shape
    return _project(shape, record) if shape else {}


def summary_member(operation: str) -> str:
    """Name of the list in the answer of a List operation."""
    members = _model("sagemaker").operation_model(operation).output_shape.members
    return str(next(name for name, shape in members.items() if shape.type_name == "list"))


def _problems(shape: Any, parameters: Record) -> list[str]:
    report = ParamValidator().validate(parameters, shape)
    problems = [report.generate_report()] if report.has_errors() else []
    return [*problems, *(f"1 validation error detected: Value '{value}' at '{where}' failed to satisfy constraint: "
                         f"Member must {rule}" for where, value, rule in _broken_rules(shape, parameters, ""))]


def _broken_rules(shape: Any, value: Any, where: str) -> Iterator[tuple[str, Any, str]]:
    """Botocore leaves upper bounds, patterns and enumerations to the service."""
    if shape.type_name == "structure" and isinstance(value, dict):
        for name in value.keys() & shape.members.keys():
            yield from _broken_rules(shape.members[name], value[name], f"{where}.{name}".lstrip("."))
    elif shape.type_name == "map" and isinstance(value, dict):
        for key, content in value.items():
            yield from _broken_rules(shape.key, key, f"{where}.{key}.key")
            yield from _broken_rules(shape.value, content, f"{where}.{key}.member")
    elif shape.type_name == "list" and isinstance(value, list | tuple):
        for i, content in enumerate(value):
            yield from _broken_rules(shape.member, content, f"{where}.{i + 1}.member")
    limit, size = shape.metadata.get("max"), value if isinstance(value, int | float) else len(value or "")
    if limit is not None and size > limit:
        kind = "value" if isinstance(value, int | float) else "length"
        yield where, value, f"have {kind} less than or equal to {limit}"
    if isinstance(value, str):
        enum, pattern = shape.metadata.get("enum"), shape.metadata.get("pattern")
        if enum and value not in enum:
            yield where, value, f"satisfy enum value set: [{', '.join(enum)}]"
        if pattern and not _matches(pattern, value):
            yield where, value, f"satisfy regular expression pattern: {pattern}"


def _matches(pattern: str, value: str) -> bool:
    """Whether all of `value` matches; a pattern that only Java understands holds for everything."""
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error:
        return True


def _project(shape: Any, value: Any) -> Any:
    if shape.type_name == "structure" and isinstance(value, dict):
        return {k: _project(s, value[k]) for k, s in shape.members.items() if value.get(k) is not None}
    if shape.type_name == "list":
        return [_project(shape.member, v) for v in value]
    return value
