"""Content types, thresholds and the choice of the answer."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from maskrcnn.serving import request
from maskrcnn.serving.errors import RequestError

from app.contracts.settings import VerdictSettings

DEFAULTS = VerdictSettings(min_score=0.5, min_area_px=10)


@pytest.mark.parametrize(
    ("accept", "answer"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("image/png", "image/png"),
        ("image/*", "image/png"),
        ("IMAGE/PNG", "image/png"),
        ("application/json;q=0.2, image/png;q=0.9", "image/png"),
        ("image/png;q=0.2, */*;q=0.1, application/json", "application/json"),
        ("application/*;q=0, */*", "image/png"),
        ("text/html, image/png;q=0.1", "image/png"),
        ("image/png;q=nonsense", "image/png"),
    ],
)
def test_the_answer_is_what_the_caller_likes_best(accept: str, answer: str) -> None:
    assert request.answer_type(accept) == answer


@pytest.mark.parametrize("accept", ["text/html", "image/jpeg", "application/json;q=0, image/*;q=0", ";;;"])
def test_an_answer_that_cannot_be_given_is_406_and_says_what_can(accept: str) -> None:
    with pytest.raises(RequestError, match=r"gives application/json or image/png") as caught:
        request.answer_type(accept)
    assert caught.value.status == 406


@pytest.mark.parametrize(
    "kind", ["image/jpeg", "image/PNG", "application/x-image; charset=x", "application/octet-stream", ""]
)
def test_raw_bodies_are_taken_as_they_are(kind: str) -> None:
    assert request.read_body(kind, b"bytes") == request.Body(b"bytes", {})


@pytest.mark.parametrize("kind", ["text/csv", "image/svg+xml", "multipart/form-data; boundary=x"])
def test_an_unknown_content_type_is_415_and_names_the_known_ones(kind: str) -> None:
    with pytest.raises(RequestError, match="image/jpeg") as caught:
        request.read_body(kind, b"bytes")
    assert caught.value.status == 415


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_a_json_body_brings_image_and_thresholds(prefix: str) -> None:
    encoded = prefix + base64.b64encode(b"picture").decode()
    body = request.read_body("application/json", json.dumps({"image": encoded, "min_score": 0.25}).encode())
    assert body == request.Body(b"picture", {"min_score": 0.25})


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (b"{", "bad-json"),
        (b"\xff\xfe\x00", "bad-json"),
        (b"[1]", "bad-json"),
        (b'{"image": 5}', "bad-json"),
        (b'{"min_score": 0.5}', "bad-json"),
        (b'{"image": "@@@"}', "bad-base64"),
        (b"[" * 100_000, "bad-json"),
        (b"", "empty-body"),
    ],
)
def test_a_broken_json_body_is_400_by_name(text: bytes, name: str) -> None:
    with pytest.raises(RequestError) as caught:
        request.read_body("application/json", text)
    assert (caught.value.status, caught.value.name) == (400, name)


def test_later_sources_override_earlier_ones_and_the_defaults_fill_the_rest() -> None:
    header = request.header_parameters("min_score=0.3, min_area_px=20")
    assert request.thresholds(DEFAULTS) == DEFAULTS
    assert request.thresholds(DEFAULTS, header) == VerdictSettings(0.3, 20)
    assert request.thresholds(DEFAULTS, header, {"min_score": "0.7"}, {}) == VerdictSettings(0.7, 20)
    assert request.thresholds(DEFAULTS, {"min_area_px": 5.0}) == VerdictSettings(0.5, 5)


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"min_scor": "0.3"}, "unknown parameter 'min_scor': known are min_area_px, min_score"),
        ({"min_score": "high"}, "'high' is no number"),
        ({"min_score": "nan"}, "is no number"),
        ({"min_score": True}, "is no number"),
        ({"min_score": [1]}, "is no number"),
        ({"min_score": 10**400}, "is no number"),
        ({"min_score": 1.5}, "must be 0 to 1"),
        ({"min_area_px": -1}, "must be 0 or more"),
        ({"min_area_px": 2.5}, "whole number of pixels"),
    ],
)
def test_a_bad_threshold_is_400_and_says_the_rule(parameters: dict[str, Any], says: str) -> None:
    with pytest.raises(RequestError, match=says) as caught:
        request.thresholds(DEFAULTS, parameters)
    assert (caught.value.status, caught.value.name) == (400, "bad-parameter")


def test_custom_attributes_that_are_no_pairs_are_refused() -> None:
    with pytest.raises(RequestError, match="write name=value"):
        request.header_parameters("just a word")
    assert request.header_parameters("") == {}
