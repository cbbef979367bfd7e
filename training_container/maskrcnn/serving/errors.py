"""A request that cannot be answered, as status, short name and a sentence that helps the caller."""

from __future__ import annotations


class RequestError(Exception):
    """The answer is an error: HTTP status, short name and message of contracts.prediction.PredictionError."""

    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.name = name
