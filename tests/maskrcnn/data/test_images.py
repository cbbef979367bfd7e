"""A photograph is kept byte for byte when it is plain, brought into one form when not, refused when broken."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from maskrcnn.data import images
from maskrcnn.data.findings import BadItemError
from PIL import Image


def encode(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def pixels(body):
    with Image.open(io.BytesIO(body)) as image:
        return np.asarray(image)


@pytest.mark.parametrize(("kind", "mode", "extension"), [
    ("JPEG", "RGB", "jpg"), ("JPEG", "L", "jpg"), ("PNG", "RGB", "png"), ("PNG", "L", "png")])
def test_plain_photographs_keep_their_bytes(picture, kind, mode, extension):
    body = picture(kind=kind, mode=mode)
    kept = images.canonical(body)
    assert (kept.body, kept.extension, kept.width, kept.height) == (body, extension, 64, 48)
    assert kept.sha256 == hashlib.sha256(body).hexdigest()
    assert kept.conversion == ""


@pytest.mark.parametrize("kind", ["BMP", "TIFF"])
def test_other_lossless_formats_become_png_with_the_same_pixels(picture, kind):
    body = picture(kind=kind)
    kept = images.canonical(body)
    assert (kept.extension, kept.conversion) == ("png", "")
    assert np.array_equal(pixels(kept.body), pixels(body))


def test_sixteen_bit_grey_is_scaled_over_its_full_range():
    grey = np.zeros((20, 20), np.uint16)
    grey[0, :3] = 65535, 257 * 100, 256
    kept = images.canonical(encode(Image.fromarray(grey), "PNG"))
    assert pixels(kept.body)[0, :4].tolist() == [255, 100, 0, 0]
    assert kept.conversion == "16-bit grey reduced to 8 bit"


def test_twelve_bits_in_a_sixteen_bit_file_say_that_they_are_dark():
    grey = np.full((20, 20), 4095, np.uint16)
    kept = images.canonical(encode(Image.fromarray(grey), "PNG"))
    assert pixels(kept.body)[0, 0] == 15
    assert kept.conversion.endswith("leaves it dark (brightest pixel 16 of 255): export it with full range")


def test_grey_from_zero_to_one_fills_the_range():
    grey = np.linspace(0, 1, 400, dtype=np.float32).reshape(20, 20)
    kept = images.canonical(encode(Image.fromarray(grey), "TIFF"))
    assert (pixels(kept.body).min(), pixels(kept.body).max()) == (0, 255)
    assert kept.conversion == "grey from 0.0 to 1.0 brought to 8 bit"


def test_alpha_is_dropped_and_the_colour_below_kept():
    rgba = np.full((20, 20, 4), (10, 20, 30, 128), np.uint8)
    kept = images.canonical(encode(Image.fromarray(rgba), "PNG"))
    assert pixels(kept.body)[5, 5].tolist() == [10, 20, 30]
    assert kept.conversion == "transparency dropped"


def test_cmyk_and_palette_become_rgb():
    cmyk = images.canonical(encode(Image.new("CMYK", (20, 20), (0, 255, 255, 0)), "JPEG"))
    palette = images.canonical(encode(Image.new("RGB", (20, 20), (1, 2, 3)).quantize(4), "PNG"))
    assert pixels(cmyk.body)[5, 5, 0] > 200 > 60 > pixels(cmyk.body)[5, 5, 1]
    assert (cmyk.conversion, pixels(palette.body)[5, 5].tolist()) == ("CMYK converted to RGB", [1, 2, 3])


def rotated_photograph():
    """40 wide and 20 high as stored, to be turned by 90 degrees for viewing."""
    stored = np.zeros((20, 40), np.uint8)
    stored[0, 0] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    return encode(Image.fromarray(stored), "PNG", exif=exif)


def test_exif_orientation_is_applied():
    kept = images.canonical(rotated_photograph(), label_size=(20, 40))
    assert (kept.width, kept.height) == (20, 40)
    assert pixels(kept.body)[0, 19] == 255
    assert "turned upright" in kept.conversion
    with Image.open(io.BytesIO(kept.body)) as image:
        assert image.getexif().get(0x0112) is None


def test_a_label_drawn_on_the_stored_pixels_wins_over_exif():
    kept = images.canonical(rotated_photograph(), label_size=(40, 20))
    assert (kept.width, kept.height) == (40, 20)
    assert pixels(kept.body)[0, 0] == 255


def animation():
    frames = [Image.new("L", (20, 20), value) for value in (0, 255)]
    return encode(frames[0], "PNG", save_all=True, append_images=frames[1:])


@pytest.mark.parametrize(("make", "rule"), [
    (lambda picture: b"", "image-empty"),
    (lambda picture: b"%PDF-1.4 is no photograph", "image-unreadable"),
    (lambda picture: picture(kind="JPEG")[:-400], "image-truncated"),
    (lambda picture: picture(kind="PNG")[:-400], "image-truncated"),
    (lambda picture: picture(width=15), "image-too-small"),
    (lambda picture: animation(), "image-animated"),
])
def test_what_cannot_be_used_is_refused_by_name(picture, make, rule):
    with pytest.raises(BadItemError) as caught:
        images.canonical(make(picture))
    assert caught.value.rule == rule


@pytest.mark.parametrize("side", [11_000, 30_000])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(side):
    bomb = encode(Image.new("1", (side, side)), "PNG")
    with pytest.raises(BadItemError) as caught:
        images.canonical(bomb)
    assert caught.value.rule == "image-too-large"


def test_the_same_pixels_give_the_same_canonical_bytes(picture):
    bmp, tiff = picture(kind="BMP"), picture(kind="TIFF")
    assert images.canonical(bmp).sha256 == images.canonical(tiff).sha256
