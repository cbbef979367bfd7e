"""What a request asks for: body, thresholds and the kind of answer; pure functions over headers and bytes."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import math
import re
from collections.abc import Iterable
from typing import Any

from app.contracts.documents import ContractError
from app.contracts.settings import VerdictSettings
from maskrcnn.serving.errors import RequestError

JSON, PNG = "application/json", "image/png"
ANSWERS = (JSON, PNG)
IMAGE_TYPES = (
    "image/jpeg", "image/jpg", "image/png", "image/bmp", "image/x-ms-bmp", "image/tiff", "image/webp",
    "application/x-image", "application/octet-stream",
)  # fmt: skip
PARAMETERS = ("min_area_px", "min_score")


@dataclasses.dataclass(frozen=True)
class Body:
    """The encoded image and the thresholds that came with it in a JSON body."""

    image: bytes
    parameters: dict[str, Any] = dataclasses.field(default_factory=dict)


def read_body(content_type: str, body: bytes) -> Body:
    """Take the image out of a raw or a JSON body.

    Raises:
        RequestError: 415 for an unknown content type, 400 for a body that breaks its own format.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind and kind not in IMAGE_TYPES and kind != JSON:
        known = ", ".join((*IMAGE_TYPES, JSON))
        raise RequestError(415, "unsupported-content-type", f"Content-Type {kind!r} is not known: send {known}")
    if not body:
        raise RequestError(400, "empty-body", "the body is empty: send the bytes of one image")
    return _read_json(body) if kind == JSON else Body(body)


def _read_json(body: bytes) -> Body:
    example = '{"image": "<base64>", "min_score": 0.5, "min_area_px": 0}'
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestError(400, "bad-json", f"the body is no JSON ({error}): send {example}") from error
    if not isinstance(document, dict) or not isinstance(document.get("image"), str):
        raise RequestError(400, "bad-json", f"the body needs a string `image`: send {example}")
    encoded = document.pop("image").removeprefix("data:").rpartition("base64,")[2]
    try:
        image = base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise RequestError(400, "bad-base64", f"`image` is no base64 ({error}): encode the file's bytes") from error
    return Body(image, document)


def header_parameters(custom_attributes: str) -> dict[str, str]:
    """Parse X-Amzn-SageMaker-Custom-Attributes: `min_score=0.3,min_area_px=20`.

    Raises:
        RequestError: an item is no `name=value`.
    """
    parameters = {}
    for item in filter(None, (part.strip() for part in re.split("[,;&]", custom_attributes))):
        name, equals, value = item.partition("=")
        if not equals:
            raise RequestError(400, "bad-parameter", f"custom attribute {item!r}: write name=value, e.g. min_score=0.3")
        parameters[name.strip()] = value.strip()
    return parameters


def thresholds(defaults: VerdictSettings, *sources: dict[str, Any]) -> VerdictSettings:
    """The defaults overridden by each source in turn, the last one strongest.

    Raises:
        RequestError: a parameter is unknown, no number or out of range.
    """
    given: dict[str, Any] = {}
    for source in sources:
        given.update(source)
    unknown = sorted(set(given) - set(PARAMETERS))
    if unknown:
        raise RequestError(400, "bad-parameter", f"unknown parameter {unknown[0]!r}: known are {', '.join(PARAMETERS)}")
    numbers = {name: _number(name, value) for name, value in given.items()}
    if not numbers.get("min_area_px", 0.0).is_integer():
        raise RequestError(400, "bad-parameter", "min_area_px is a whole number of pixels, for example 20")
    try:
        return VerdictSettings(
            min_score=numbers.get("min_score", defaults.min_score),
            min_area_px=int(numbers.get("min_area_px", defaults.min_area_px)),
        )
    except ContractError as error:
        raise RequestError(400, "bad-parameter", str(error)) from error


def _number(name: str, value: Any) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise RequestError(400, "bad-parameter", f"{name} = {str(value)[:40]!r} is no number, for example {name}=0.5")
    return number


def answer_type(accept: str) -> str:
    """Choose JSON or PNG from an Accept header; JSON when the caller does not mind.

    Raises:
        RequestError: 406, nothing that the caller accepts can be given.
    """
    best, best_quality = "", 0.0
    wishes = list(_wishes(accept)) or [("*/*", 1.0)]
    for offered in ANSWERS:
        patterns = {offered: 3, f"{offered.partition('/')[0]}/*": 2, "*/*": 1}
        matching = [(patterns[kind], quality) for kind, quality in wishes if kind in patterns]
        quality = max(matching)[1] if matching else 0.0  # the most specific pattern speaks
        if quality > best_quality:
            best, best_quality = offered, quality
    if not best:
        raise RequestError(406, "not-acceptable", f"Accept {accept!r}: this endpoint gives {' or '.join(ANSWERS)}")
    return best


def _wishes(accept: str) -> Iterable[tuple[str, float]]:
    """Media ranges with their quality (RFC 9110, 12.5.1)."""
    for item in filter(None, (part.strip() for part in accept.lower().split(","))):
        kind, *options = (option.strip() for option in item.split(";"))
        quality = next((option[2:] for option in options if option.startswith("q=")), "1")
        try:
            yield kind, min(max(float(quality), 0.0), 1.0)
        except ValueError:
            yield kind, 1.0
