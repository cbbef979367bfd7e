"""Program `serve`: the model behind GET /ping and POST /invocations on port 8080.

Settings come from the environment:
    SAGEMAKER_BIND_TO_PORT   port, default 8080
    CASTLINE_BIND_HOST       address, default 0.0.0.0 (a container is reached from outside)
    CASTLINE_VERDICT         JSON of contracts.settings.VerdictSettings, default thresholds when unset
    CASTLINE_MODEL_VERSION   shown in every answer, default the run id in the model card
    CASTLINE_MAX_BODY_BYTES  default 6000000
    CASTLINE_MAX_PIXELS      default 25000000
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from types import FrameType

import uvicorn

from app.contracts import documents
from app.contracts.settings import VerdictSettings
from maskrcnn import program
from maskrcnn.layout import Layout
from maskrcnn.serving.answer import SegmentationModel
from maskrcnn.serving.app import ServingOptions, create_app

GRACE_SECONDS = 25  # SageMaker kills the container 30 s after SIGTERM


def main() -> int:
    """Serve until SIGTERM."""
    signal.signal(signal.SIGTERM, _leave)
    return program.main(_serve)


def _serve(layout: Layout) -> None:
    options = options_from(os.environ)
    port = _whole_number(os.environ, "SAGEMAKER_BIND_TO_PORT", 8080)

    def load() -> SegmentationModel:
        from maskrcnn.predictor import Predictor  # TensorFlow takes seconds: the port is open before

        return Predictor.load(layout.model)

    uvicorn.run(
        create_app(load, options),
        host=os.environ.get("CASTLINE_BIND_HOST", "0.0.0.0"),  # noqa: S104 - a container is reached from outside
        port=port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=75,  # longer than the caller's 60 s, so that no reused connection is found closed
    )


def options_from(environment: Mapping[str, str]) -> ServingOptions:
    """Read the serving options.

    Raises:
        ContractError: a variable cannot be understood.
    """
    defaults = ServingOptions()
    verdict = environment.get("CASTLINE_VERDICT", "")
    return ServingOptions(
        verdict=documents.from_json(VerdictSettings, verdict) if verdict else defaults.verdict,
        model_version=environment.get("CASTLINE_MODEL_VERSION", ""),
        max_body_bytes=_whole_number(environment, "CASTLINE_MAX_BODY_BYTES", defaults.max_body_bytes),
        max_pixels=_whole_number(environment, "CASTLINE_MAX_PIXELS", defaults.max_pixels),
    )


def _whole_number(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, "") or str(default)
    if not text.isdecimal() or int(text) == 0:
        raise documents.ContractError(
            f"{name} = {text!r}: must be a whole number above 0, for example {default}"
        )
    return int(text)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    """Being stopped is success: uvicorn raises the signal again after the last answer, and this ends it."""
    sys.exit(0)
