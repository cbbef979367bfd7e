"""Photographs: is it one, is its size sane, and the canonical bytes that the data set keeps.

Canonical means: grey or RGB, 8 bit, upright, JPEG or PNG. A photograph that is all that keeps its bytes; any
other is decoded once and kept as PNG, so that training, evaluation and serving never meet a special case.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from maskrcnn.data import similarity
from maskrcnn.data.findings import BadItemError

FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP")  # JPEG opens MPO (two pictures of a phone) as well
MIN_SIDE_PX = 16
MAX_PIXELS = 100_000_000
_KEPT = {"JPEG": "jpg", "MPO": "jpg", "PNG": "png"}
_DARK = 64  # 12 bits in a 16-bit file give 16, 14 bits 64
_ORIENTATION_TAG = 0x0112
_ORIENTATIONS_ON_THE_SIDE = (5, 6, 7, 8)


@dataclasses.dataclass(frozen=True)
class CanonicalImage:
    """What the data set keeps of a photograph.

    Attributes:
        body: JPEG or PNG bytes.
        extension: jpg or png.
        sha256: Hash of `body`; the image's identity.
        conversion: What had to be changed in the pixels, `16-bit grey reduced to 8 bit`; empty when nothing.
        fingerprint: Finds near-duplicates, see similarity.
        stored_size: (width, height) before an EXIF orientation changed it; None when none did.
        is_turned_by_guess: It was turned by its EXIF orientation, and no size in the label says that this is right.
    """

    body: bytes
    extension: str
    sha256: str
    width: int
    height: int
    conversion: str = ""
    fingerprint: str = ""
    stored_size: tuple[int, int] | None = None
    is_turned_by_guess: bool = False


def canonical(body: bytes, label_size: tuple[int, int] | None = None) -> CanonicalImage:
    """Decode a photograph fully and bring it into the canonical form.

    Args:
        body: The file as uploaded.
        label_size: (width, height) that the label claims; decides whether a photograph with an EXIF
            orientation was labelled upright (the default) or as stored.

    Raises:
        BadItemError: it is no photograph, is damaged, or its size is out of bounds.
    """
    with _opened(body) as picture:
        _check_size(picture)
        try:
            picture.load()
        except (OSError, ValueError, SyntaxError, EOFError) as problem:
            raise BadItemError(
                "image-truncated", "image", f"is damaged or cut off ({problem}): upload it again"
            ) from problem
        return _converted(picture, body, label_size)


def _opened(body: bytes) -> Image.Image:
    """The picture, its header read."""
    if not body:
        raise BadItemError("image-empty", "image", "has no bytes: upload it again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # MAX_PIXELS is checked below
            return Image.open(io.BytesIO(body), formats=FORMATS)
    except Image.DecompressionBombError as problem:
        raise BadItemError(
            "image-too-large", "image", f"has more than {MAX_PIXELS // 10**6} million pixels: scale it down"
        ) from problem
    except (OSError, ValueError, SyntaxError) as problem:
        raise BadItemError(
            "image-unreadable", "image", "is no JPEG, PNG, BMP, TIFF or WebP picture: export it again"
        ) from problem


def upright_size(body: bytes) -> tuple[int, int]:
    """(width, height) that `canonical` will give a photograph whose label claims no size; reads the header only.

    Raises:
        BadItemError: it is no photograph.
    """
    with _opened(body) as picture:
        width, height = picture.size
        turned = picture.getexif().get(_ORIENTATION_TAG, 1) in _ORIENTATIONS_ON_THE_SIDE
        return (height, width) if turned else (width, height)


def _check_size(picture: Image.Image) -> None:
    width, height = picture.size
    if min(width, height) < MIN_SIDE_PX:
        raise BadItemError(
            "image-too-small",
            "image",
            f"is {width}x{height}, both sides need at least {MIN_SIDE_PX} pixels: upload the original photograph",
        )
    if width * height > MAX_PIXELS:
        raise BadItemError(
            "image-too-large",
            "image",
            f"is {width}x{height}, more than {MAX_PIXELS // 10**6} million pixels: scale it down",
        )
    if getattr(picture, "n_frames", 1) > 1 and picture.format != "MPO":
        raise BadItemError(
            "image-animated",
            "image",
            f"has {getattr(picture, 'n_frames', 1)} frames: save the one that was labelled",
        )


def _converted(picture: Image.Image, body: bytes, label_size: tuple[int, int] | None) -> CanonicalImage:
    upright, turned = _upright(picture, label_size)
    plain, reduced = _eight_bit(upright)
    conversion = ", ".join(filter(None, (turned, reduced)))
    oriented = picture.getexif().get(_ORIENTATION_TAG, 1) != 1
    if picture.format in _KEPT and plain is picture and not oriented:
        kept, extension = body, _KEPT[picture.format]
    else:
        kept, extension = _png(plain), "png"
    return CanonicalImage(
        kept,
        extension,
        hashlib.sha256(kept).hexdigest(),
        plain.width,
        plain.height,
        conversion,
        similarity.fingerprint(plain),
        picture.size if plain.size != picture.size else None,
        upright is not picture and (label_size is None or picture.size == upright.size),
    )


def _upright(picture: Image.Image, label_size: tuple[int, int] | None) -> tuple[Image.Image, str]:
    """Turn a photograph as its EXIF orientation asks, unless its label was plainly made without turning."""
    if picture.getexif().get(_ORIENTATION_TAG, 1) == 1:
        return picture, ""
    turned = ImageOps.exif_transpose(picture)
    if label_size == picture.size != turned.size:
        return picture, "EXIF orientation ignored, as the label does"
    return turned, "turned upright as its EXIF orientation says"


def _eight_bit(picture: Image.Image) -> tuple[Image.Image, str]:
    """Grey or RGB with 8 bits; the same object when it is that already."""
    if picture.mode in ("L", "RGB"):
        return picture, ""
    if picture.mode.startswith(("I", "F")):
        return _from_deep_grey(np.asarray(picture).astype(np.float64), picture.mode)
    if picture.mode in ("1", "LA", "La"):
        return picture.convert("L"), "" if picture.mode == "1" else "transparency dropped"
    said = {"CMYK": "CMYK converted to RGB", "P": "", "RGBA": "transparency dropped"}
    return picture.convert("RGB"), said.get(picture.mode, f"{picture.mode} converted to RGB")


def _from_deep_grey(pixels: NDArray[np.float64], mode: str) -> tuple[Image.Image, str]:
    """Over the full range of the format, so that images of one camera stay comparable; says when it is dark then."""
    brightest = pixels.max(initial=0)
    if mode == "F" and brightest <= 1:
        scaled, said = pixels * 255, "grey from 0.0 to 1.0 brought to 8 bit"
    else:
        scaled = pixels / 257 if brightest > 255 or mode.startswith("I;16") else pixels
        said = "16-bit grey reduced to 8 bit"
    if scaled.max(initial=0) < _DARK:
        dark = f"brightest pixel {scaled.max(initial=0):.0f} of 255"
        said += f", which leaves it dark ({dark}): export it with full range"
    return Image.fromarray(np.clip(scaled, 0, 255).astype(np.uint8)), said


def _png(picture: Image.Image) -> bytes:
    """PNG bytes without metadata: the same pixels always give the same bytes."""
    stream = io.BytesIO()
    bare = Image.frombytes(picture.mode, picture.size, picture.tobytes())
    bare.save(stream, "PNG", compress_level=6)
    return stream.getvalue()
