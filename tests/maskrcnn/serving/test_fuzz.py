"""Whatever is sent, the endpoint answers 200 or 4xx: a 5xx would be a fault of ours."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from maskrcnn.serving.app import create_app
from PIL import Image
from starlette.testclient import TestClient

# pycocotools 2.0.11 with NumPy 2
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
fuzz = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
TYPES = ["image/jpeg", "image/png", "image/tiff", "application/x-image", "application/json", "text/plain", ""]


def real_images() -> list[bytes]:
    noise = np.random.default_rng(3).integers(0, 255, (40, 40, 3), np.uint8)
    images = []
    for kind in ("JPEG", "PNG", "BMP", "TIFF", "WEBP"):
        stream = io.BytesIO()
        Image.fromarray(noise).save(stream, kind)
        images.append(stream.getvalue())
    return images


REAL = real_images()


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    class Blind:
        """Finds nothing: what matters here is everything around the model."""

        from maskrcnn.model_card import ModelCard as _Card

        from app.contracts.dataset import ClassDefinition as _Class

        card = _Card("run-1", "v1", (_Class(1, "disk", "part"),), "tiny", {}, 1)

        def warm_up(self) -> None:
            pass

        def predict(self, image: np.ndarray, min_score: float) -> object:
            from maskrcnn.detections import Detections

            shape = (0, *image.shape[:2])
            return Detections(
                np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32), np.zeros(shape, bool)
            )

    with TestClient(create_app(Blind), raise_server_exceptions=False) as client:
        while client.get("/ping").status_code != 200:
            pass
        yield client


def send(client: TestClient, body: bytes, kind: str) -> int:
    response = client.post("/invocations", content=body, headers={"content-type": kind} if kind else {})
    assert response.status_code < 500, response.text
    assert response.status_code == 200 or set(response.json()) == {"error", "message"}
    return response.status_code


@fuzz
@given(body=st.binary(max_size=2000), kind=st.sampled_from(TYPES))
@example(body=b"\xff\xd8\xff", kind="image/jpeg")
@example(body=b"II*\x00\x08\x00\x00\x00\xff\xff", kind="image/tiff")
@example(body=b"\x89PNG\r\n\x1a\n", kind="image/png")
@example(body=b"BM", kind="image/bmp")
def test_random_bytes_are_never_a_server_error(body: bytes, kind: str, client: TestClient) -> None:
    assert 400 <= send(client, body, kind) < 500


@fuzz
@given(content=st.sampled_from(REAL), share=st.floats(0, 1))
def test_truncated_images_are_never_a_server_error(content: bytes, share: float, client: TestClient) -> None:
    send(client, content[: int(len(content) * share)], "application/x-image")


@fuzz
@given(
    content=st.sampled_from(REAL),
    flips=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=12),
)
def test_images_with_wrong_bytes_are_never_a_server_error(
    content: bytes, flips: list[tuple[float, int]], client: TestClient
) -> None:
    damaged = bytearray(content)
    for place, value in flips:
        damaged[int(place * (len(damaged) - 1))] = value
    send(client, bytes(damaged), "")


headers = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60)


@fuzz
@given(accept=headers, attributes=headers, kind=headers, query=headers)
def test_odd_headers_and_queries_are_never_a_server_error(
    accept: str, attributes: str, kind: str, query: str, client: TestClient
) -> None:
    response = client.post(
        "/invocations",
        params={query or "min_score": "0.5"},
        content=REAL[1],
        headers={"accept": accept, "content-type": kind, "X-Amzn-SageMaker-Custom-Attributes": attributes},
    )
    assert response.status_code < 500, response.text
