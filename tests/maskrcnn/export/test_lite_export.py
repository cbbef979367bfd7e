"""When an export is refused, and which images it is judged and calibrated on."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from maskrcnn.evaluation.truth import LabelledImage
from maskrcnn.export import lite_data, lite_export
from maskrcnn.export.lite_export import ExportRefusedError, ExportReport, Measured
from maskrcnn.model.config import InputConfig, ModelConfig, TilesConfig
from maskrcnn.program import JobError

BEFORE = Measured(1_000_000, 0.5, 0.4, 20.0)


def report(quantization="int8", box=0.5, mask=0.4, **changes):
    made = ExportReport("run-1", "v1", quantization, 64, 96, ("chip",), (0, 0, 0), None, "test", 12, 6, BEFORE,
                        Measured(300_000, box, mask, 9.0), lite_export.ALLOWED_POINTS[quantization])
    return dataclasses.replace(made, **changes)


@pytest.mark.parametrize(("quantization", "box", "mask"), [
    ("int8", 0.481, 0.4), ("int8", 0.6, 0.381), ("float16", 0.491, 0.391), ("dynamic", 0.5, 0.4),
])
def test_small_losses_pass(quantization, box, mask):
    lite_export.judge(report(quantization, box, mask), boxes_alone=False)


@pytest.mark.parametrize(("quantization", "box", "mask", "words"), [
    ("int8", 0.479, 0.4, "it loses 2.10 points and may lose 2"),
    ("int8", 0.6, 0.375, "mask AP 0.3750 against the SavedModel's 0.4000"),
    ("float16", 0.5, 0.389, "it loses 1.10 points and may lose 1"),
    ("float32", 0.489, 0.4, "on 12 test images: it loses"),
    ("dynamic", 0.489, 0.4, "it loses 1.10 points and may lose 1"),
])
def test_larger_losses_are_refused_with_the_figures(quantization, box, mask, words):
    with pytest.raises(ExportRefusedError) as refusal:
        lite_export.judge(report(quantization, box, mask), boxes_alone=False)
    assert words in str(refusal.value)


def test_masks_of_a_network_without_masks_do_not_count():
    lite_export.judge(report(mask=0.0), boxes_alone=True)


def test_images_without_labels_judge_nothing():
    with pytest.raises(JobError, match="the test images have no labels") as caught:
        lite_export.judge(report(saved_model=Measured(1, -1.0, -1.0, 1.0)), boxes_alone=False)
    assert caught.value.code == "DATA_TOO_FEW"


def image(height, width):
    return LabelledImage("", "", "png", b"", width, height, ())


def test_canvas_holds_every_image_at_the_networks_scale():
    """Given a short edge of 100, at most 150: 200 x 250 -> 100 x 125, 300 x 100 -> 150 x 50, 50 x 50 -> 100 x 100."""
    config = ModelConfig(input=InputConfig(short_edge_px=100, max_size_px=150))
    assert lite_data.canvas([image(200, 250), image(300, 100), image(50, 50)], config) == (150, 125)


def test_canvas_of_a_model_with_tiles_is_a_tile_or_less():
    """Given tiles of 130 for a short edge of 100: 100 x 150 and 150 x 50 are cut, 100 x 100 is not."""
    config = ModelConfig(input=InputConfig(short_edge_px=100, max_size_px=150), tiles=TilesConfig(size_px=130))
    assert lite_data.canvas([image(200, 300), image(300, 100)], config) == (130, 130)
    assert lite_data.canvas([image(200, 300), image(50, 50)], config) == (100, 130)


def test_calibration_takes_images_from_everywhere(data_dir):
    found = lite_data.training_records(data_dir / "train")
    assert len(found) == 6
    everything = list(lite_data.pixels(found, 100))
    assert len(everything) == 6
    some = list(lite_data.pixels(found, 3))
    for taken, expected in zip(some, (0, 2, 5), strict=True):
        np.testing.assert_array_equal(taken, everything[expected])


def test_a_version_in_its_own_layout_is_found(tmp_path):
    (tmp_path / "tfrecord/test").mkdir(parents=True)
    assert lite_data.split_folder(tmp_path, "test") == tmp_path / "tfrecord/test"


def test_training_shards_that_are_none_or_damaged(tmp_path):
    with pytest.raises(JobError, match="no image to calibrate on"):
        lite_data.training_records(tmp_path)
    (tmp_path / "a.tfrecord").write_bytes(b"123")
    with pytest.raises(JobError, match="record 0 is cut off"):
        lite_data.training_records(tmp_path)
