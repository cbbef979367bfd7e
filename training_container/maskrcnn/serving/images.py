"""Image bytes to RGB pixels, with every reason to refuse them said before a pixel is decoded."""

from __future__ import annotations

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from maskrcnn.serving.errors import RequestError

Pixels = NDArray[np.uint8]
"""RGB [H, W, 3]."""

FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP")
MAX_PIXELS = 25_000_000
"""About 5000 x 5000: a hundred full-size masks of a larger image would not fit a small instance."""
MIN_SIDE_PX = 16


def decode(content: bytes, max_pixels: int = MAX_PIXELS) -> Pixels:
    """Decode an encoded image to RGB uint8 [H, W, 3], upright as its EXIF orientation says.

    Grey, palette, alpha, CMYK and 16-bit images are converted as maskrcnn.data.images does for training:
    65535 becomes 255, transparent pixels keep their colour. Of several pages or frames the first is taken.

    Raises:
        RequestError: the bytes are no image, a damaged one, or one of a size that is refused.
    """
    if not content:
        raise RequestError(400, "empty-body", "the body is empty: send the bytes of one image")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of odd metadata; the limits below decide
        image = _open(content)
        _check_size(image.size, max_pixels)
        try:
            image.load()
            return _to_rgb(ImageOps.exif_transpose(image))
        except Exception as error:  # decoders raise nearly anything on damaged data: all of it is bad input
            raise RequestError(
                400,
                "damaged-image",
                f"the {image.format} image cannot be decoded ({error}): send it again, complete",
            ) from error


def _open(content: bytes) -> Image.Image:
    """Read the header only."""
    try:
        return Image.open(io.BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise RequestError(
            400,
            "not-an-image",
            f"the body ({len(content)} bytes) is no JPEG, PNG, BMP, TIFF or WebP: send one of these",
        ) from error
    except Image.DecompressionBombError as error:
        raise RequestError(413, "image-too-large", f"{error}: scale the image down") from error
    except Exception as error:  # a header that promises an image and breaks off in the middle
        raise RequestError(
            400, "damaged-image", f"the header cannot be read ({error}): send the image again, complete"
        ) from error


def _check_size(size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        raise RequestError(
            413,
            "image-too-large",
            f"the image is {width} x {height} pixels and the limit is {max_pixels} in all: scale it down",
        )
    if min(size) < MIN_SIDE_PX:
        raise RequestError(
            400,
            "image-too-small",
            f"the image is {width} x {height} pixels: each side needs at least {MIN_SIDE_PX}",
        )


def _to_rgb(image: Image.Image) -> Pixels:
    """Convert any Pillow mode to RGB."""
    if image.mode.startswith(("I", "F")):
        pixels = np.asarray(image).astype(np.float64)
        if pixels.max(initial=0) > 255 or image.mode.startswith("I;16"):
            pixels = pixels / 257
        image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    elif image.mode in ("LA", "La"):
        image = image.convert("L")
    return np.asarray(image.convert("RGB"), dtype=np.uint8)
