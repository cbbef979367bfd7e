"""Labels that are pictures: one number or colour a pixel, 0 (black) is background."""

from __future__ import annotations

import io

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from maskrcnn.data.findings import BadItemError
from maskrcnn.data.images import MAX_PIXELS
from maskrcnn.data.shapes import CocoRle
from maskrcnn.data.tool_shapes import rle_of

Values = NDArray[np.int64]
FORMATS = ("PNG", "BMP", "TIFF")  # whatever keeps its pixels exactly


def values_of(body: bytes) -> Values:
    """The [height, width] numbers: of a palette its index, of grey in colour its level, of a colour `colour_value`.

    Raises:
        BadItemError: it is no such picture.
    """
    try:
        with Image.open(io.BytesIO(body), formats=FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise BadItemError("mask-unreadable", "annotation", f"has a mask of more than {MAX_PIXELS} pixels")
            if picture.mode in ("RGBA", "LA", "CMYK", "YCbCr"):
                pixels = np.asarray(picture.convert("L" if picture.mode == "LA" else "RGB"))
            else:
                pixels = np.asarray(picture)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as problem:
        message = "has a mask that is no PNG, BMP or TIFF picture: export it again"
        raise BadItemError("mask-unreadable", "annotation", message) from problem
    if pixels.ndim == 2:
        return pixels.astype(np.int64)
    red, green, blue = (pixels[..., channel].astype(np.int64) for channel in range(3))
    is_grey = bool((red == green).all() and (green == blue).all())
    return red if is_grey else (red << 16) | (green << 8) | blue


def colours_of(body: bytes) -> Values:
    """The [height, width] `colour_value` of each pixel, also where the picture is grey or has a palette.

    Raises:
        BadItemError: it is no such picture.
    """
    try:
        with Image.open(io.BytesIO(body), formats=FORMATS) as picture:
            pixels = np.asarray(picture.convert("RGB")).astype(np.int64)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as problem:
        message = "has a mask that is no PNG, BMP or TIFF picture: export it again"
        raise BadItemError("mask-unreadable", "annotation", message) from problem
    return (pixels[..., 0] << 16) | (pixels[..., 1] << 8) | pixels[..., 2]


def colour_value(red: int, green: int, blue: int) -> int:
    """A colour as one number, 0xRRGGBB."""
    return red << 16 | green << 8 | blue


def components(mask: NDArray[np.bool_]) -> list[CocoRle]:
    """The connected parts (also over corners) of a mask, by rows of their first pixel: touching objects are one."""
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    return [rle_of(labels == number) for number in range(1, count)]
