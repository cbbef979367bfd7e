"""Every odd but honest image becomes RGB; every dishonest one is refused by name before it costs memory."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from maskrcnn.data.images import canonical
from maskrcnn.serving.errors import RequestError
from maskrcnn.serving.images import decode
from PIL import Image

GRADIENT = np.linspace(0, 65_535, 32 * 32).reshape(32, 32).astype(np.uint16)


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def refused(content: bytes, **options: int) -> RequestError:
    with pytest.raises(RequestError) as caught:
        decode(content, **options)
    return caught.value


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF", "WEBP"])
def test_each_format_gives_the_pixels_that_were_saved(kind: str, picture: Callable[..., bytes]) -> None:
    pixels = decode(picture(kind))
    assert (pixels.shape, pixels.dtype) == ((48, 64, 3), np.uint8)
    assert np.abs(pixels.astype(int) - 128).max() <= 2


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "YCbCr", "I;16", "RGB"])
def test_serving_sees_the_same_pixels_as_training(mode: str) -> None:
    """Given a picture of any mode, the endpoint decodes it to what prepare stored for training."""
    grey = Image.fromarray((GRADIENT >> 8).astype(np.uint8))
    image = Image.fromarray(GRADIENT) if mode == "I;16" else grey.convert("RGB").convert(mode)
    content = encode(image, "TIFF")
    np.testing.assert_array_equal(decode(content), decode(canonical(content).body))


def test_16_bits_become_8_by_scale_and_not_by_cutting() -> None:
    pixels = decode(encode(Image.fromarray(GRADIENT), "PNG"))
    assert (pixels.min(), pixels.max()) == (0, 255)
    assert pixels[16, 0, 0] == GRADIENT[16, 0] // 257


def test_the_exif_orientation_is_applied() -> None:
    """Given a picture stored lying (orientation 6), it is turned clockwise: its left column becomes the top row."""
    pixels = np.zeros((20, 40, 3), np.uint8)
    pixels[:, 0] = 200
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = decode(encode(Image.fromarray(pixels), "PNG", exif=exif))
    assert upright.shape == (40, 20, 3)
    assert (upright[0] == 200).all()
    assert not upright[1:].any()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF"])
def test_an_image_cut_in_half_is_called_damaged(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    content = encode(Image.fromarray(noise), kind)
    error = refused(content[: len(content) // 2])
    assert (error.status, error.name) in {(400, "damaged-image"), (400, "not-an-image")}


def test_an_empty_body_and_a_text_are_refused_by_name() -> None:
    assert (refused(b"").status, refused(b"").name) == (400, "empty-body")
    error = refused(b"%PDF-1.4 not a picture")
    assert (error.status, error.name) == (400, "not-an-image")
    assert "22 bytes" in str(error)


def test_a_formats_outside_the_list_is_not_opened() -> None:
    assert refused(encode(Image.new("RGB", (32, 32)), "GIF")).name == "not-an-image"


def test_too_many_pixels_are_refused_with_the_numbers(picture: Callable[..., bytes]) -> None:
    error = refused(picture(), max_pixels=64 * 48 - 1)
    assert (error.status, error.name) == (413, "image-too-large")
    assert "64 x 48" in str(error)
    assert "3071" in str(error)
    assert decode(picture(), max_pixels=64 * 48).shape == (48, 64, 3)


def test_a_decompression_bomb_is_refused_from_its_header() -> None:
    """Given a PNG of some hundred bytes that claims 60000 x 60000 pixels, none of them is ever decoded."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 1000)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    assert (refused(bomb).status, refused(bomb).name) == (413, "image-too-large")


def test_a_sliver_is_refused() -> None:
    error = refused(encode(Image.new("RGB", (500, 15)), "PNG"))
    assert (error.status, error.name) == (400, "image-too-small")
