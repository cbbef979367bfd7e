"""Errors of the API, with the codes and the words that SageMaker uses."""

from __future__ import annotations


class ApiError(Exception):
    """An answer with an error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def validation(message: str) -> ApiError:
    """The request breaks a rule, or names something that does not exist."""
    return ApiError("ValidationException", message)


def in_use(message: str) -> ApiError:
    """The name of a job is taken."""
    return ApiError("ResourceInUse", message)


def denied(message: str) -> ApiError:
    """A policy refuses."""
    return ApiError("AccessDeniedException", message)


def limit_exceeded(message: str) -> ApiError:
    """An account quota is used up."""
    return ApiError("ResourceLimitExceeded", message)
