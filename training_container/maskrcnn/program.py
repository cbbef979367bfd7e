"""The frame around every container program: logging, and a failure file that a person can act on."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path

from app.contracts import documents
from app.contracts.errors import Failure, FailureCode
from maskrcnn.layout import Layout

FAILURE_LIMIT = 1024  # SageMaker keeps this many characters of the failure file
OUT_OF_MEMORY_SIGNS = ("CUDA_ERROR_OUT_OF_MEMORY", "std::bad_alloc", "OOM when allocating", "Failed to allocate memory",
                       "CUDNN_STATUS_ALLOC_FAILED", "CUBLAS_STATUS_ALLOC_FAILED")

log = logging.getLogger("castline")


class JobError(Exception):
    """A program cannot go on; `code` tells the pipeline what to do and the message tells a person."""

    def __init__(self, code: FailureCode, message: str) -> None:
        super().__init__(message)
        self.code: FailureCode = code


def main(program: Callable[[Layout], None]) -> int:
    """Run `program`; on failure write /opt/ml/output/failure and return a non-zero exit status."""
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="[%(asctime)s] %(message)s",
                        datefmt="%m%d %H:%M:%S", force=True)
    layout = Layout.from_environment()
    try:
        program(layout)
    except JobError as error:
        _write_failure(layout, Failure(error.code, str(error)))
        log.error("%s: %s", error.code, error)
        return 1
    except documents.ContractError as error:
        _write_failure(layout, Failure("CONFIG_INVALID", str(error)))
        log.error("CONFIG_INVALID: %s", error)
        return 1
    except Exception as error:
        code: FailureCode = "OUT_OF_MEMORY" if is_out_of_memory(error) else "INTERNAL"
        advice = ": use an instance with more memory" if code == "OUT_OF_MEMORY" else ""
        _write_failure(layout, Failure(code, f"{type(error).__name__}: {str(error)[:800]}{advice}"))
        log.exception(code)
        return 1
    return 0


def by_hand(work: Callable[[], object], level: int = logging.INFO) -> int:
    """Run what a person calls at the command line: the log as bare sentences; a JobError is one, with exit status 1."""
    logging.basicConfig(stream=sys.stdout, level=level, format="%(message)s")
    try:
        work()
    except JobError as error:
        log.error("%s: %s", error.code, error)
        return 1
    return 0


def read_input(path: Path) -> str:
    """Text of a file that the job must have been started with.

    Raises:
        JobError: CONFIG_INVALID: it is not there.
    """
    try:
        return path.read_text()
    except FileNotFoundError as error:
        raise JobError("CONFIG_INVALID", f"{path}: missing: start the job with this input") from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether host or device memory ran out.

    TensorFlow says so as ResourceExhaustedError, and where oneDNN or CUDA failed as another error with a text;
    std::bad_alloc arrives as MemoryError. A process that the system's out-of-memory killer ends cannot say
    anything: then the pipeline concludes it from exit code 137.
    """
    return isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError" or any(
        sign in str(error) for sign in OUT_OF_MEMORY_SIGNS)


def _write_failure(layout: Layout, failure: Failure) -> None:
    """Keep the file below SageMaker's limit without breaking the JSON."""
    text = documents.to_json(failure)
    if len(text) > FAILURE_LIMIT:
        keep = len(failure.message) - (len(text) - FAILURE_LIMIT) - 1
        text = documents.to_json(Failure(failure.code, failure.message[: max(keep, 0)]))
    layout.failure.parent.mkdir(parents=True, exist_ok=True)
    layout.failure.write_text(text)
    layout.failure.with_name("message").write_text(text)  # where a processing job's ExitMessage comes from
