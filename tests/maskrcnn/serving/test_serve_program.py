"""The program as SageMaker runs it: a process, a port, a signal."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from maskrcnn.programs.serve import options_from
from maskrcnn.serving.app import ServingOptions

from app.contracts.documents import ContractError
from app.contracts.settings import VerdictSettings

ROOT = Path(__file__).parents[3]
PYTHONPATH = os.pathsep.join([str(ROOT), str(ROOT / "training_container")])

PROGRAM = textwrap.dedent(
    """
    # A model whose prediction says when it began and waits until it may go on.
    import os, sys, types
    import numpy as np
    from app.contracts.dataset import ClassDefinition
    from maskrcnn.detections import Detections
    from maskrcnn.model_card import ModelCard

    class Slow:
        card = ModelCard("run-1", "v1", (ClassDefinition(1, "chipping", "defect"),), "tiny", {}, 1)
        warm_up = lambda self: None

        def predict(self, image, min_score):
            open(os.environ["BEGAN"], "w").close()
            open(os.environ["GO_ON"]).close()
            none = np.zeros(0, np.float32)
            return Detections(none.reshape(0, 4), none, none.astype(np.int32), np.zeros((0, 1, 1), bool))

    module = types.ModuleType("maskrcnn.predictor")
    module.Predictor = types.SimpleNamespace(load=lambda folder: Slow())
    sys.modules["maskrcnn.predictor"] = module
    from maskrcnn.programs import serve
    sys.exit(serve.main())
    """
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(tmp_path: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    variables = os.environ | {
        "PYTHONPATH": PYTHONPATH,
        "CASTLINE_ML_ROOT": str(tmp_path),
        "CASTLINE_BIND_HOST": "127.0.0.1",
    }
    command = [sys.executable, "-c", PROGRAM]
    process = subprocess.Popen(  # noqa: S603
        command, env=variables | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(process: subprocess.Popen[str], *texts: str) -> None:
    missing = set(texts)
    seen = []
    for line in process.stdout or ():
        seen.append(line)
        missing -= {text for text in missing if text in line}
        if not missing:
            return
    raise AssertionError(f"{missing} never said: {''.join(seen)}")


def test_sigterm_finishes_the_request_in_flight_and_exits_0(tmp_path: Path, picture: Callable[..., bytes]) -> None:
    """Given a prediction under way, when SIGTERM comes, its caller still gets the answer and the exit is clean."""
    began, go_on = tmp_path / "began", tmp_path / "go_on"
    os.mkfifo(began)
    os.mkfifo(go_on)
    port, answers = free_port(), []
    body = picture()

    def call() -> None:
        answers.append(httpx.post(f"http://127.0.0.1:{port}/invocations", content=body, timeout=300))

    with serving(tmp_path, BEGAN=str(began), GO_ON=str(go_on), SAGEMAKER_BIND_TO_PORT=str(port)) as process:
        wait_for(process, "is ready", "Uvicorn running")
        assert httpx.get(f"http://127.0.0.1:{port}/ping").status_code == 200
        caller = threading.Thread(target=call)
        caller.start()
        began.open().close()  # returns when the prediction has begun
        process.send_signal(signal.SIGTERM)
        wait_for(process, "Shutting down")
        go_on.open("w").close()
        caller.join()
        assert process.wait(timeout=300) == 0
    assert answers[0].status_code == 200
    assert answers[0].json()["verdict"]["label"] == "OK"


def test_a_bad_setting_ends_the_program_with_a_failure_file(tmp_path: Path) -> None:
    with serving(tmp_path, CASTLINE_VERDICT='{"min_score": 7}') as process:
        assert process.wait(timeout=300) == 1
    failure = (tmp_path / "output/failure").read_text()
    assert '"code":"CONFIG_INVALID"' in failure
    assert "verdict.min_score = 7.0: must be 0 to 1" in failure


@pytest.mark.parametrize(
    ("environment", "options"),
    [
        ({}, ServingOptions()),
        ({"CASTLINE_VERDICT": "", "CASTLINE_MAX_PIXELS": ""}, ServingOptions()),
        (
            {"CASTLINE_VERDICT": '{"min_score": 0.3, "min_area_px": 20}', "CASTLINE_MODEL_VERSION": "run-7"},
            ServingOptions(verdict=VerdictSettings(0.3, 20), model_version="run-7"),
        ),
        (
            {"CASTLINE_MAX_BODY_BYTES": "1000", "CASTLINE_MAX_PIXELS": "5"},
            ServingOptions(max_body_bytes=1000, max_pixels=5),
        ),
    ],
)
def test_the_environment_decides_the_options(environment: Mapping[str, str], options: ServingOptions) -> None:
    assert options_from(environment) == options


@pytest.mark.parametrize("value", ["0", "-5", "many", "1e6"])
def test_a_limit_that_is_no_whole_number_is_refused(value: str) -> None:
    with pytest.raises(ContractError, match=r"CASTLINE_MAX_PIXELS = .*whole number above 0, for example 25000000"):
        options_from({"CASTLINE_MAX_PIXELS": value})
