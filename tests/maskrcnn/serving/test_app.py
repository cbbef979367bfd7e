"""The two routes, as a caller sees them."""

from __future__ import annotations

import base64
import io
import json
import logging
import threading
from collections.abc import Callable, Iterator

import pytest
from maskrcnn import rle
from maskrcnn.serving.app import ServingOptions, create_app
from PIL import Image
from starlette.testclient import TestClient

from app.contracts import documents
from app.contracts.prediction import Prediction, PredictionError
from app.contracts.settings import VerdictSettings

# pycocotools 2.0.11 with NumPy 2
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def ready(client: TestClient) -> TestClient:
    """Wait for the loading thread, which warms the model up at once."""
    while client.get("/ping").status_code != 200:
        pass
    return client


@pytest.fixture
def client(model: object) -> Iterator[TestClient]:
    with TestClient(create_app(lambda: model, ServingOptions(max_body_bytes=20_000, max_pixels=100_000))) as client:
        yield ready(client)


def prediction(response: object) -> Prediction:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    return documents.from_json(Prediction, response.content)


def problem(response: object) -> tuple[int, str]:
    return response.status_code, documents.from_json(PredictionError, response.content).error


def test_a_defect_is_answered_with_class_score_box_mask_and_reason(client: TestClient, picture: Callable) -> None:
    answer = prediction(
        client.post("/invocations", content=picture(defect=True), headers={"content-type": "image/png"})
    )
    disk, chipping = answer.instances
    assert (answer.width, answer.height, answer.model_version) == (64, 48, "run-1")
    assert (disk.class_name, disk.role, disk.score) == ("disk", "part", 0.99)
    assert (chipping.class_name, chipping.score, chipping.bbox, chipping.area_px) == (
        "chipping",
        0.8,
        (20, 10, 10, 10),
        100,
    )
    assert chipping.mask.size == (48, 64)
    assert rle.decode(chipping.mask)[10:20, 20:30].all()
    assert rle.area_px(chipping.mask) == 100
    assert answer.verdict.label == "NG"
    assert answer.verdict.reasons == ("chipping 0.80, 100 px at (25, 15)",)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF"])
def test_each_image_format_is_answered_ok(kind: str, client: TestClient, picture: Callable) -> None:
    answer = prediction(client.post("/invocations", content=picture(kind)))
    assert (answer.verdict.label, answer.verdict.reasons) == ("OK", ())


def test_json_with_base64_gives_the_same_answer_as_raw_bytes(client: TestClient, picture: Callable) -> None:
    content = picture(defect=True)
    raw = prediction(client.post("/invocations", content=content))
    coded = prediction(client.post("/invocations", json={"image": base64.b64encode(content).decode()}))
    assert coded.instances == raw.instances


@pytest.mark.parametrize("way", ["query", "header", "body"])
def test_thresholds_of_a_request_hold_for_that_request_alone(way: str, client: TestClient, picture: Callable) -> None:
    """Given a chipping of score 0.8, a request that asks for 0.9 neither lists it nor calls the image NG."""
    content = picture(defect=True)
    ways = {
        "query": lambda: client.post("/invocations?min_score=0.9", content=content),
        "header": lambda: client.post(
            "/invocations", content=content, headers={"X-Amzn-SageMaker-Custom-Attributes": "min_score=0.9"}
        ),
        "body": lambda: client.post(
            "/invocations", json={"image": base64.b64encode(content).decode(), "min_score": 0.9}
        ),
    }
    strict = prediction(ways[way]())
    assert [instance.class_name for instance in strict.instances] == ["disk"]
    assert strict.verdict.label == "OK"
    assert prediction(client.post("/invocations", content=content)).verdict.label == "NG"


def test_a_minimum_area_changes_the_verdict_and_not_the_list(client: TestClient, picture: Callable) -> None:
    answer = prediction(client.post("/invocations?min_area_px=101", content=picture(defect=True)))
    assert (answer.verdict.label, len(answer.instances)) == ("OK", 2)


def test_accept_image_png_gives_the_overlay(client: TestClient, picture: Callable) -> None:
    response = client.post("/invocations", content=picture(defect=True), headers={"accept": "image/png"})
    assert response.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(response.content)).size == (640, 480 + 44)


@pytest.mark.parametrize(
    ("content", "headers", "expected"),
    [
        (b"", {}, (400, "empty-body")),
        (b"not a picture", {}, (400, "not-an-image")),
        (b"not a picture", {"content-type": "text/csv"}, (415, "unsupported-content-type")),
        (b"{", {"content-type": "application/json"}, (400, "bad-json")),
        (b"x", {"accept": "text/html"}, (406, "not-acceptable")),
        (b"x" * 20_001, {}, (413, "body-too-large")),
        (b"x", {"X-Amzn-SageMaker-Custom-Attributes": "min_score=2"}, (400, "bad-parameter")),
    ],
)
def test_bad_input_is_4xx_by_name(
    content: bytes, headers: dict[str, str], expected: tuple[int, str], client: TestClient
) -> None:
    assert problem(client.post("/invocations", content=content, headers=headers)) == expected


def test_a_body_without_a_length_is_stopped_at_the_limit(client: TestClient) -> None:
    """Given a chunked body that never says its size, reading ends at the limit."""
    sent = []

    def chunks() -> Iterator[bytes]:
        for _ in range(100):
            sent.append(1)
            yield b"x" * 1000

    assert problem(client.post("/invocations", content=chunks())) == (413, "body-too-large")


def test_too_many_pixels_are_413(client: TestClient, picture: Callable) -> None:
    assert problem(client.post("/invocations", content=picture(size=(1000, 101)))) == (413, "image-too-large")


def test_unknown_paths_and_methods_are_answered_in_the_same_form(client: TestClient) -> None:
    assert problem(client.get("/")) == (404, "unknown-path")
    assert problem(client.get("/invocations")) == (405, "wrong-method")


def test_until_the_model_is_loaded_both_routes_say_503(model: object, picture: Callable) -> None:
    loading = threading.Event()

    def load() -> object:
        loading.wait()
        return model

    with TestClient(create_app(load)) as client:
        assert problem(client.get("/ping")) == (503, "model-not-ready")
        assert problem(client.post("/invocations", content=picture())) == (503, "model-not-ready")
        loading.set()
        assert ready(client).post("/invocations", content=picture()).status_code == 200
        assert model.warmed


def test_a_model_that_cannot_be_loaded_keeps_saying_why(caplog: pytest.LogCaptureFixture) -> None:
    failed = threading.Event()

    def load() -> object:
        failed.set()
        raise FileNotFoundError("/opt/ml/model/model.json")

    with TestClient(create_app(load)) as client:
        failed.wait()
        while "still being loaded" in client.get("/ping").text:
            pass
        response = client.get("/ping")
    assert problem(response) == (503, "model-not-ready")
    assert "FileNotFoundError: /opt/ml/model/model.json" in response.text


def test_a_fault_of_ours_is_500_in_the_same_form(model: object, picture: Callable) -> None:
    def fails(*_given: object) -> object:
        raise RuntimeError("kernel")

    with TestClient(create_app(lambda: model), raise_server_exceptions=False) as client:
        ready(client)
        model.predict = fails
        response = client.post("/invocations", content=picture())
    assert problem(response) == (500, "internal")
    assert "RuntimeError" in response.text


def test_the_deployments_thresholds_and_version_are_used(model: object, picture: Callable) -> None:
    options = ServingOptions(verdict=VerdictSettings(min_score=0.85), model_version="20261120-081245-a1b2c3")
    with TestClient(create_app(lambda: model, options)) as client:
        answer = prediction(ready(client).post("/invocations", content=picture(defect=True)))
    assert (answer.verdict.label, answer.model_version) == ("OK", "20261120-081245-a1b2c3")


def test_every_request_leaves_one_line_that_a_machine_can_read(
    client: TestClient, picture: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="castline.serve"):
        content = picture(defect=True)
        client.post("/invocations", content=content)
        client.post("/invocations", content=b"junk")
    good, bad = (json.loads(record.message) for record in caplog.records if record.name == "castline.serve")
    assert (good["status"], good["instances"], good["verdict"], good["bytes"]) == (200, 2, "NG", len(content))
    assert good["ms"] > 0
    assert (bad["status"], bad["error"], bad["bytes"]) == (400, "not-an-image", 4)
