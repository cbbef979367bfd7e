"""botocore's service model of SageMaker: checks requests, and cuts records to the shape of an answer."""

from __future__ import annotations

import functools
from typing import Any

import botocore.session
from botocore.validate import ParamValidator

from app.embedded.sagemaker.errors import ApiError, validation

Record = dict[str, Any]


@functools.cache
def _model() -> Any:
    return botocore.session.get_session().get_service_model("sagemaker")


def check_request(operation: str, parameters: Record) -> None:
    """Raise ApiError unless `parameters` is a valid request of `operation`."""
    if operation not in _model().operation_names:
        raise ApiError("UnknownOperationException", f"{operation} is not an operation of SageMaker")
    shape = _model().operation_model(operation).input_shape
    problems = [*_problems(shape, parameters)]
    if problems:
        raise validation("; ".join(problems))


def project(operation: str, record: Record) -> Record:
    """What the answer of `operation` may say of `record`."""
    shape = _model().operation_model(operation).output_shape
    return _project(shape, record) if shape else {}


def summary_member(operation: str) -> str:
    """Name of the list in the answer of a List operation."""
    members = _model().operation_model(operation).output_shape.members
    return str(next(name for name, shape in members.items() if shape.type_name == "list"))


def create_members(operation: str) -> set[str]:
    """Members that a request of `operation` may have."""
    return set(_model().operation_model(operation).input_shape.members)


def _problems(shape: Any, parameters: Record) -> list[str]:
    report = ParamValidator().validate(parameters, shape)
    problems = [report.generate_report()] if report.has_errors() else []
    return [*problems, *_enum_problems(shape, parameters, "")]


def _enum_problems(shape: Any, value: Any, where: str) -> list[str]:
    """Botocore leaves enumerations to the service."""
    if shape.type_name == "structure" and isinstance(value, dict):
        return [p for k, v in value.items() if k in shape.members
                for p in _enum_problems(shape.members[k], v, f"{where}.{k}".lstrip("."))]
    if shape.type_name == "list" and isinstance(value, list | tuple):
        return [p for i, v in enumerate(value) for p in _enum_problems(shape.member, v, f"{where}.{i + 1}.member")]
    enum = getattr(shape, "enum", None)
    if enum and isinstance(value, str) and value not in enum:
        return [f"1 validation error detected: Value '{value}' at '{where}' failed to satisfy constraint: "
                f"Member must satisfy enum value set: [{', '.join(enum)}]"]
    return []


def _project(shape: Any, value: Any) -> Any:
    if shape.type_name == "structure" and isinstance(value, dict):
        return {k: _project(s, value[k]) for k, s in shape.members.items() if value.get(k) is not None}
    if shape.type_name == "list":
        return [_project(shape.member, v) for v in value]
    return value
