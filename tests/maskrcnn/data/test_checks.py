"""Each rule has its own message: the file, the object, the fact and the fix."""

from __future__ import annotations

import io

import numpy as np
import pytest
from maskrcnn.data.checks import check
from maskrcnn.data.samples import LabelledShape, Sample
from maskrcnn.data.shapes import Bitmap, Box, CocoRle, Polygon
from PIL import Image
from pycocotools import mask as coco_mask

# pycocotools is compiled against an older NumPy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SQUARE = Polygon(((10, 10), (19, 10), (19, 19), (10, 19)))


def sample(*shapes, size=(64, 48)):
    labelled = tuple(LabelledShape(*(s if isinstance(s, tuple) else ("chipping", s))) for s in shapes)
    return Sample("up/img/cast_12.png", "up/ann/cast_12.png.json", "img/cast_12.png", size, labelled, ("b", "a"))


def run(picture, *shapes, known=(), **more):
    return check(sample(*shapes, **more), picture(), known, "supervisely")


def only(checked):
    (finding,) = checked.findings
    return finding


def test_a_good_label_is_measured_exactly(picture):
    record = run(picture, SQUARE).record
    (instance,) = record.instances
    assert (instance.bbox, instance.area_px, instance.class_name) == ((10.0, 10.0, 10.0, 10.0), 100, "chipping")
    mask = coco_mask.decode({"size": list(instance.mask.size), "counts": instance.mask.counts.encode()})
    assert mask.shape == (48, 64)
    assert mask[10:20, 10:20].all()
    assert (record.file_name, record.tags, record.width, record.height) == ("img/cast_12.png", ("a", "b"), 64, 48)


def test_no_object_means_background_and_is_accepted(picture):
    checked = run(picture)
    assert (checked.findings, checked.record.instances) == ((), ())


@pytest.mark.parametrize(("shape", "message"), [
    (Polygon(((10, 10), (70, 10), (19, 19))),
     "cast_12.png: mask 2 reaches x=70 in an image 64 wide: re-export the annotation"),
    (Polygon(((10, 10), (20, 50), (19, 19))),
     "cast_12.png: mask 2 reaches y=50 in an image 48 high: re-export the annotation"),
    (Polygon(((-5, 10), (20, 20), (19, 19))),
     "cast_12.png: mask 2 begins at x=-5, outside the image: re-export the annotation"),
    (Box(0, -9, 3, 3), "cast_12.png: box 2 begins at y=-9, outside the image: re-export the annotation"),
])
def test_an_object_that_leaves_the_image_says_where(picture, shape, message):
    checked = run(picture, SQUARE, shape)
    finding = only(checked)
    assert (finding.message, finding.rule, finding.severity) == (message, "mask-outside-image", "error")
    assert (finding.file, checked.image, checked.record) == ("up/img/cast_12.png", None, None)


def test_one_pixel_over_the_edge_is_clipped(picture):
    record = run(picture, Polygon(((60, 10), (64, 10), (64, 14), (60, 14)))).record
    assert record.instances[0].bbox == (60.0, 10.0, 4.0, 5.0)


def test_all_errors_of_an_image_are_told_together(picture):
    checked = run(picture, Polygon(((1, 1), (2, 2))), Polygon(((10, 10), (99, 10), (19, 19))))
    assert [(f.rule, f.object) for f in checked.findings] == [
        ("polygon-invalid", "mask 1 (chipping)"), ("mask-outside-image", "mask 2 (chipping)")]
    assert checked.findings[0].message == (
        "cast_12.png: mask 1 has a ring of 2 points, a polygon needs at least 3: draw it again or delete it")


def test_an_empty_mask_is_an_error(picture):
    assert only(run(picture, CocoRle((48, 64), (48 * 64,)))).message == (
        "cast_12.png: mask 1 has no pixel: delete it or draw it again")


def test_a_tiny_mask_is_only_a_warning(picture, bitmap):
    item = bitmap(np.ones((1, 3)), 4, 4, "x")["bitmap"]
    checked = run(picture, Bitmap(item["data"], (4, 4)))
    assert (only(checked).rule, only(checked).severity, checked.record.instances[0].area_px) == (
        "mask-tiny", "warning", 3)


def test_an_unknown_class_names_its_nearest_neighbour(picture):
    finding = only(run(picture, ("chiping", SQUARE), known=("holes", "chipping")))
    assert finding.rule == "unknown-class"
    assert finding.message == (
        "cast_12.png: mask 1 has the unknown class 'chiping' (nearest known: chipping): rename it, "
        "give it an alias in castline.json, or add it to the setting data.classes")


def test_an_unknown_class_like_no_other_lists_all(picture):
    assert "(known: chipping, holes)" in only(run(picture, ("xyz", SQUARE), known=("holes", "chipping"))).message


def test_a_missing_class_is_an_error(picture):
    assert only(run(picture, (" ", SQUARE))).rule == "class-missing"


def test_a_label_of_another_size_is_an_error(picture):
    assert only(run(picture, SQUARE, size=(512, 512))).message == (
        "cast_12.png: is 64x48 but its label was drawn on 512x512: export image and annotation together")


def test_a_box_is_kept_without_a_mask(picture):
    """Given a box, then it is marked as such, so that it never feeds the mask loss."""
    (instance,) = run(picture, Box(4, 5, 13.5, 9)).record.instances
    assert (instance.mask, instance.bbox, instance.area_px) == (None, (4.0, 5.0, 10.5, 5.0), 52)


def test_a_broken_photograph_is_the_only_finding(picture):
    checked = check(sample(SQUARE), picture(kind="JPEG")[:-300], (), "supervisely")
    assert only(checked).rule == "image-truncated"
    assert only(checked).message.startswith("cast_12.png: is damaged or cut off")


def test_a_converted_photograph_is_used_with_a_warning(picture):
    checked = check(sample(SQUARE), picture(mode="RGBA"), (), "supervisely")
    assert (only(checked).rule, checked.image.extension) == ("image-converted", "png")
    assert checked.record.image_sha256 == checked.image.sha256


def turned_photograph(width=64, height=48, orientation=6):
    """`width` x `height` as stored; orientation 6 asks to be turned by 90 degrees."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (height, width), dtype=np.uint8)).save(
        stream, "JPEG", exif=exif)
    return stream.getvalue()


def test_a_mask_that_fits_only_without_the_exif_turn_says_so():
    """Given a label without a size, drawn on the pixels as stored, then the finding names the EXIF orientation."""
    checked = check(sample(Polygon(((40, 10), (60, 10), (60, 20))), size=None), turned_photograph(), (), "x")
    finding = next(f for f in checked.findings if f.severity == "error")
    assert finding.rule == "mask-off-by-exif"
    assert finding.message.startswith(
        "cast_12.png: mask 1 reaches x=60 in an image 48 wide: it fits the photograph without the turn")


def test_an_outline_that_neither_way_fits_is_only_outside():
    checked = check(sample(Polygon(((40, 10), (90, 10), (60, 20))), size=None), turned_photograph(), (), "x")
    assert {f.rule for f in checked.findings if f.severity == "error"} == {"mask-outside-image"}


@pytest.mark.parametrize(("size", "orientation", "rule"), [
    (None, 6, "exif-orientation"),      # the label does not say
    ((48, 64), 6, "image-converted"),   # the label says upright
    ((64, 48), 6, "image-converted"),   # the label says as stored
    ((64, 48), 3, "exif-orientation"),  # upside down: both have one size
])
def test_a_turn_that_nothing_confirms_asks_to_look(size, orientation, rule):
    square = Polygon(((10, 10), (19, 10), (19, 19), (10, 19)))
    checked = check(sample(square, size=size), turned_photograph(orientation=orientation), (), "x")
    assert [(f.rule, f.severity) for f in checked.findings] == [(rule, "warning")]


def test_a_label_of_the_turned_size_says_that_something_was_turned(picture):
    assert only(run(picture, SQUARE, size=(48, 64))).message == (
        "cast_12.png: is 64x48 but its label was drawn on 48x64: one of them was turned by 90 degrees: "
        "export image and annotation together")


def test_an_outline_that_crosses_itself_is_a_warning_with_its_place(picture):
    """Given a bow tie whose wings meet in the middle of 10..30, then the crossing is at 20, 20."""
    checked = run(picture, Polygon(((10, 10), (30, 30), (30, 10), (10, 30))))
    assert (only(checked).rule, only(checked).severity, only(checked).object) == (
        "polygon-self-crossing", "warning", "mask 1 (chipping)")
    assert only(checked).message == (
        "cast_12.png: the outline of mask 1 crosses itself near x=20, y=20: draw it again")
