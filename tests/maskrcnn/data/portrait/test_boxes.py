"""Boxes at the trained size and the anchors that meet them, on numbers done by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from maskrcnn.data.portrait import boxes as geometry
from maskrcnn.data.portrait.anchors import advise, advise_input
from maskrcnn.data.portrait.boxes import Anchor, Boxes
from maskrcnn.model.config import InputConfig, ModelConfig, RpnConfig

SQUARE = InputConfig(short_edge_px=512, max_size_px=768)


def at(*rows, extent=(512, 512)):
    return Boxes(np.asarray(rows, float), np.asarray([extent] * len(rows), float))


def test_boxes_grow_with_their_image_until_the_long_edge_fits():
    """Given 256 x 512, then the long edge decides: 768 / 512 = 1.5 instead of 512 / 256 = 2."""
    boxes = Boxes.of([(10, 20, 30, 40, 256, 512), (1, 2, 3, 4, 256, 256)], SQUARE)
    assert boxes.xywh.tolist() == [[15, 30, 45, 60], [2, 4, 6, 8]]
    assert boxes.extents.tolist() == [[384, 768], [512, 512]]


def test_an_anchor_on_the_grid_meets_its_box_wholly():
    assert geometry.best_iou(at((56, 56, 16, 16)), [Anchor(16, 16, 16)], inside_only=False).tolist() == [1.0]


def test_half_a_stride_beside_the_grid_costs_overlap():
    """Given a centre at x=72 between 64 and 80, then 8 of 16 columns overlap: 128 / (256 + 256 - 128)."""
    iou = geometry.best_iou(at((64, 56, 16, 16)), [Anchor(16, 16, 16)], inside_only=False)
    assert iou == pytest.approx([1 / 3])


def test_the_best_of_several_anchors_counts():
    anchors = [Anchor(4, 8, 8), Anchor(4, 16, 16), Anchor(4, 32, 32)]
    assert geometry.best_iou(at((56, 56, 16, 8)), anchors, inside_only=False) == pytest.approx([0.5])


def test_anchors_that_reach_out_of_the_image_may_not_count():
    """Given x from 0 to 8: the anchor around 4 holds it (128 of 256), but begins at -4; the one around 8 holds it too.

    With a stride of 16 the nearest is at 0 (-8 to 8), and the only one inside is at 16 (8 to 24).
    """
    box = at((0, 56, 8, 16))
    assert geometry.best_iou(box, [Anchor(4, 16, 16)], inside_only=True) == pytest.approx([0.5])
    assert geometry.best_iou(box, [Anchor(16, 16, 16)], inside_only=False) == pytest.approx([0.5])
    assert geometry.best_iou(box, [Anchor(16, 16, 16)], inside_only=True) == pytest.approx([0.0])


def test_an_anchor_larger_than_the_image_is_nowhere_inside():
    assert geometry.best_iou(at((0, 0, 500, 500)), [Anchor(64, 600, 600)], inside_only=True).tolist() == [0.0]


def test_clusters_find_the_two_sizes_there_are():
    shapes = np.asarray([[8, 8], [9, 9], [10, 10], [100, 50], [110, 50], [120, 50]], float)
    assert geometry.cluster(shapes, 2).tolist() == [[9, 9], [110, 50]]


def test_shapes_that_share_a_centre():
    iou = geometry.shape_iou(np.asarray([[10.0, 10.0]]), np.asarray([[10.0, 10.0], [20.0, 10.0], [10.0, 5.0]]))
    assert iou.tolist() == [[1.0, 0.5, 0.5]]


@pytest.fixture
def model():
    return ModelConfig(input=SQUARE, rpn=RpnConfig(inside_only=False))


def test_tiny_boxes_ask_for_small_anchors(model):
    """Given boxes of 8 and 14 px, then anchors from 32 px up meet none and the suggestion meets all."""
    grid = [(60 + 16 * (n % 8), 60 + 16 * (n // 8)) for n in range(40)]
    small, larger = at(*((x, y, 8, 8) for x, y in grid)), at(*((x, y, 14, 14) for x, y in grid))
    every = at(*((x, y, 8, 8) for x, y in grid), *((x, y, 14, 14) for x, y in grid))
    found = advise("r50", model, {"holes": small, "pores": larger}, every)
    assert (found.configured.recall50, found.configured.sizes_px) == (0.0, (32.0, 64.0, 128.0, 256.0, 512.0))
    assert found.suggested.recall50 == 1.0
    assert found.suggested.recall50_by_class == {"holes": 1.0, "pores": 1.0}
    assert found.worthwhile
    assert found.free_mean_best_iou == 1.0
    assert list(found.suggested.sizes_px) == sorted(set(found.suggested.sizes_px))


def test_a_handful_of_boxes_changes_no_anchors(model):
    """Given the gain of a lifetime from 49 boxes, then it is not advised; from 50 it is."""
    boxes = [at(*[(60, 60, 8, 8)] * count) for count in (49, 50)]
    assert [advise("r50", model, {"holes": b}, b).worthwhile for b in boxes] == [False, True]


def test_anchors_that_fit_are_left_alone(model):
    boxes = at(*((240, 240, 32, 32), (192, 192, 128, 128), (224, 224, 64, 64)))
    found = advise("r50", model, {"disk": boxes}, boxes)
    assert (found.configured.mean_best_iou, found.worthwhile) == (1.0, False)


def test_without_a_pyramid_all_sizes_have_one_stride():
    plain = ModelConfig(feature_pyramid=False)
    strides = {a.stride_px for a in geometry.anchors_of(plain, (32.0, 64.0), (0.5, 1.0))}
    shapes = [(round(a.width, 3), round(a.height, 3)) for a in geometry.anchors_of(plain, (32.0,), (0.25, 1.0))]
    assert (strides, shapes) == ({16}, [(64.0, 16.0), (32.0, 32.0)])


PHOTOGRAPHS = np.asarray([[512.0, 512.0]])


@pytest.mark.parametrize(("side", "suggested", "is_capped", "cost"), [
    (16, 512, False, 1.0),  # spans four pixels of stride 4 already
    (10, 832, False, 2.64),  # 512 * 16 / 10 = 819.2, up to the next 32
    (4, 1024, True, 4.0),  # would need 2048: not above twice the photograph
])
def test_the_input_size_that_small_defects_need(side, suggested, is_capped, cost):
    holes = at(*[(50, 50, side, 3)] * 12)
    advice = advise_input(SQUARE, 4, {"holes": holes, "chips": at(*[(50, 50, 40, 40)] * 12)}, PHOTOGRAPHS)
    assert (advice.class_name, advice.p10_at_training_px, advice.needed_px) == ("holes", side, 16)
    assert (advice.suggested_short_edge_px, advice.is_capped, advice.cost) == (suggested, is_capped, cost)


def test_a_handful_of_objects_decides_nothing_while_others_have_more():
    defects = {"odd": at((50, 50, 2, 2)), "chips": at(*[(50, 50, 40, 40)] * 12)}
    assert advise_input(SQUARE, 4, defects, PHOTOGRAPHS).class_name == "chips"
    assert advise_input(SQUARE, 4, {"odd": defects["odd"]}, PHOTOGRAPHS).class_name == "odd"
    assert advise_input(SQUARE, 4, {}, PHOTOGRAPHS) is None


def test_the_need_is_counted_in_the_photograph_and_at_the_trained_size():
    """Given photographs of 1024, halved for training, then 8 px there are 16 in the photograph."""
    config = dataclasses.replace(SQUARE, short_edge_px=512)
    advice = advise_input(config, 4, {"holes": at(*[(0, 0, 8, 8)] * 10)}, np.asarray([[1024.0, 1024.0]]))
    assert (advice.p10_px, advice.p10_at_training_px, advice.suggested_short_edge_px) == (16.0, 8.0, 1024)
