"""The picture: right pixels coloured, nothing small hidden, a size that fits the answer."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from maskrcnn import overlay, rle
from maskrcnn.label_layout import overlap_px, place_labels
from maskrcnn.serving.answer import answer
from maskrcnn.serving.images import decode
from PIL import Image

from app.contracts.prediction import Instance, Prediction, Verdict
from app.contracts.settings import VerdictSettings

# pycocotools 2.0.11 with NumPy 2
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

BANNER_PX = 44


def predict(model: object, content: bytes) -> tuple[overlay.Picture, Prediction]:
    image = decode(content)
    return image, answer(model, image, VerdictSettings())


def test_the_defects_pixels_take_its_colour_and_the_rest_of_the_part_does_not(model: object, picture: Callable) -> None:
    image, prediction = predict(model, picture(defect=True, size=(640, 480)))
    drawing = overlay.draw_prediction(image, prediction)
    assert drawing.shape == (480 + BANNER_PX, 640, 3)
    inside, outside = drawing[BANNER_PX + 15, 25].astype(int), drawing[BANNER_PX + 300, 400].astype(int)
    expected = 128 * (1 - overlay.DEFECT_ALPHA) + np.array(overlay.DEFECT_COLORS[0]) * overlay.DEFECT_ALPHA
    assert np.abs(inside - expected).max() < 15  # the part's own quiet tint lies below
    assert np.abs(outside - 128).max() < 15


def test_the_banner_is_red_for_ng_and_green_for_ok(model: object, picture: Callable) -> None:
    for defect, color in ((True, overlay.NG_COLOR), (False, overlay.OK_COLOR)):
        image, prediction = predict(model, picture(defect=defect, size=(640, 480)))
        assert tuple(overlay.draw_prediction(image, prediction)[2, 2]) == color


@pytest.mark.parametrize(
    ("size", "drawn"),
    [((64, 48), (640, 480)), ((512, 512), (1024, 1024)), ((3000, 1500), (1280, 640)), ((700, 100), (700, 100))],
)
def test_small_images_are_enlarged_and_large_ones_reduced(
    size: tuple[int, int], drawn: tuple[int, int], model: object, picture: Callable
) -> None:
    image, prediction = predict(model, picture("BMP", size=size))
    drawing = overlay.draw_prediction(image, prediction)
    assert drawing.shape == (drawn[1] + BANNER_PX, drawn[0], 3)
    assert image.shape[:2] == (size[1], size[0])


def test_the_source_image_stays_as_it_was(model: object, picture: Callable) -> None:
    image, prediction = predict(model, picture(defect=True, size=(640, 480)))
    before = image.copy()
    overlay.draw_prediction(image, prediction)
    np.testing.assert_array_equal(image, before)


def test_a_long_reason_is_cut_to_the_width() -> None:
    long = Verdict("NG", tuple(f"chipping 0.9{i}, 200 px at (100, 100)" for i in range(9)))
    assert overlay.banner(long, 300).shape == (BANNER_PX, 300, 3)
    np.testing.assert_array_equal(overlay.banner(long, 300)[:, -8:], np.broadcast_to(overlay.NG_COLOR, (44, 8, 3)))


def test_a_red_line_runs_around_what_is_ringed() -> None:
    """Given a defect of 20 x 10 at (40, 30): the line is RING_PX = 7 pixels away, and runs around this one alone."""
    mask = np.zeros((80, 100), bool)
    mask[30:40, 40:60] = True
    defect = Instance("chip", "defect", 0.9, (40, 30, 20, 10), 200, rle.encode(mask))
    other = Instance("chip", "defect", 0.9, (2, 2, 5, 5), 25, rle.encode(np.roll(mask, (-28, -38), (0, 1))))
    image = np.full((80, 100, 3), 128, np.uint8)
    drawing = overlay.draw_instances(image, [other, defect], {}, side_px=100, ringed=[1], labelled=False)
    for x, y in ((33, 35), (66, 35), (50, 23), (50, 46)):
        np.testing.assert_array_equal(drawing[y, x], overlay.RING_COLOR)
    red = (drawing == overlay.RING_COLOR).all(2)
    assert not red[29:41, 39:61].any()
    assert not red[:, :30].any()


def test_a_small_drawing_has_no_words(model: object, picture: Callable) -> None:
    """Given the same instances with and without words, then only the words differ."""
    image, prediction = predict(model, picture(defect=True, size=(640, 480)))
    colors = overlay.class_colors(prediction.instances)
    bare = overlay.draw_instances(image, prediction.instances, colors, side_px=640, labelled=False)
    worded = overlay.draw_instances(image, prediction.instances, colors, side_px=640)
    assert 0 < (bare != worded).any(2).mean() < 0.1


def test_png_bytes_give_the_drawing_back() -> None:
    drawing = overlay.banner(Verdict("OK", ()), 200)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(overlay.to_png(drawing)))), drawing)


def test_classes_keep_their_colours_when_the_list_of_names_is_given(model: object, picture: Callable) -> None:
    _, prediction = predict(model, picture(defect=True))
    colors = overlay.class_colors(prediction.instances, ["holes", "chipping"])
    assert colors["chipping"] == overlay.DEFECT_COLORS[1]
    assert colors["disk"] == overlay.PART_COLOR


corner = st.integers(0, 600)


@given(st.lists(st.tuples(corner, corner, st.integers(4, 60), st.integers(4, 60)), min_size=1, max_size=8))
def test_labels_stay_inside_the_picture(corners: list[tuple[int, int, int, int]]) -> None:
    boxes = [(float(x), float(y), float(min(x + w, 640)), float(min(y + h, 640))) for x, y, w, h in corners]
    for spot in place_labels(boxes, [(90, 20)] * len(boxes), boxes, (640, 640)):
        assert 0 <= spot[0] < spot[2] <= 640
        assert 0 <= spot[1] < spot[3] <= 640
        assert (spot[2] - spot[0], spot[3] - spot[1]) == (90, 20)


def test_a_label_avoids_neighbouring_defects_and_other_labels() -> None:
    """Given two small defects one above the other, neither label covers a defect or the other label."""
    boxes = [(300.0, 300.0, 312.0, 312.0), (300.0, 280.0, 312.0, 292.0)]
    spots = place_labels(boxes, [(80, 20), (80, 20)], boxes, (640, 640))
    assert all(overlap_px(spot, box) == 0 for spot in spots for box in boxes)
    assert overlap_px(*spots) == 0
