"""What runs on the device: images of any shape in, instances in their own pixels out, and no TensorFlow."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from maskrcnn.export import lite_predictor, litert
from maskrcnn.export.lite_predictor import LitePredictor, pasting, views
from maskrcnn.export.static_network import StaticNetwork
from maskrcnn.ops import masks as mask_ops
from maskrcnn.predictor import Predictor

FILL = (124, 116, 104)


@pytest.fixture(scope="module")
def folder(model_dir, tmp_path_factory):
    made = tmp_path_factory.mktemp("lite")
    network = StaticNetwork(Predictor.load(model_dir, "float32").model, 64, 96)
    (made / "model.tflite").write_bytes(litert.convert(network, "float32", list))
    (made / "export.json").write_text(json.dumps({"class_names": ["chip", "hole", "burr"], "fill_rgb": FILL,
                                                   "tiling": None}))
    return made


def test_wide_image_is_filled_below():
    """Given 2 x 8 into 6 x 4: half the size, one row of it and five of the fill."""
    image = np.full((2, 8, 3), 200, np.uint8)
    canvas, shown, *_ = views.letterbox(image, 6, 4, FILL)
    assert shown == (1, 4)
    assert (canvas[0] == 200).all()
    assert (canvas[1:] == FILL).all()


def test_tall_image_is_filled_on_the_right_and_grows():
    canvas, shown, *_ = views.letterbox(np.full((2, 1, 3), 7, np.uint8), 6, 6, FILL)
    assert shown == (6, 3)
    assert (canvas[:, :3] == 7).all()
    assert (canvas[:, 3:] == FILL).all()


def test_answers_like_the_predictor(folder, model_dir, photo):
    expected = Predictor.load(model_dir, "float32").predict(photo)
    found = LitePredictor.load(folder).predict(photo)
    np.testing.assert_array_equal(found.class_ids, expected.class_ids)
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=0.01)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
    assert (found.masks != expected.masks).mean() < 1e-3


class Answering:
    """In place of the interpreter: fixed boxes in the pixels of a 64 x 96 network, and the image that it was given."""

    def __call__(self, image: np.ndarray) -> dict[str, np.ndarray]:
        self.given = image
        boxes = np.array([[8, 16, 24, 48], [60, 0, 80, 64], [70, 0, 90, 60], [0, 0, 0, 0]], np.float32)
        return {"boxes": boxes, "scores": np.array([0.9, 0.8, 0.7, 0.0], np.float32),
                "class_ids": np.array([2, 1, 3, 0], np.int32)}


def test_boxes_come_back_in_the_images_own_pixels(folder):
    """Given an upright image of 128 x 128 in a wide network: it is shown at half its size, the right third is fill."""
    predictor = LitePredictor.load(folder)
    predictor._run = Answering()
    found = predictor.predict(np.zeros((128, 128, 3), np.uint8))
    assert (predictor._run.given[:, 64:] == FILL).all()
    np.testing.assert_allclose(found.boxes, [[16, 32, 48, 96], [120, 0, 128, 128]])
    np.testing.assert_array_equal(found.class_ids, [2, 1])  # the third lies in the fill, the fourth is none
    assert found.masks.shape == (2, 128, 128)
    assert found.masks.sum((1, 2)).tolist() == [32 * 64, 8 * 128]  # without masks the boxes
    assert len(predictor.predict(np.zeros((128, 128, 3), np.uint8), min_score=0.85).scores) == 1


def test_masks_are_pasted_as_the_server_pastes_them():
    rng = np.random.default_rng(3)
    masks = rng.uniform(0, 1, (20, 28, 28)).astype(np.float32)
    corners = rng.uniform(-5, 60, (20, 2, 2))
    boxes = np.concatenate([corners.min(1), corners.max(1)], 1).astype(np.float32)
    expected = mask_ops.paste(masks, boxes, 50, 40)
    assert expected.any()
    np.testing.assert_array_equal(pasting.paste(masks, boxes, 50, 40), expected)
    np.testing.assert_array_equal(pasting.paste(None, boxes, 50, 40), mask_ops.rectangles(boxes, 50, 40))


def test_runs_from_its_folder_without_tensorflow(folder, photo, tmp_path):
    shutil.copytree(Path(lite_predictor.__file__).parent, tmp_path / "lite_predictor")
    np.save(tmp_path / "photo.npy", photo)
    code = ("import sys, numpy as np, lite_predictor\n"
            "from pathlib import Path\n"
            f"predictor = lite_predictor.LitePredictor.load(Path({str(folder)!r}), threads=1)\n"
            "found = predictor.predict(np.load('photo.npy'))\n"
            "assert not [name for name in sys.modules if name.startswith(('tensorflow', 'maskrcnn', 'app'))]\n"
            "print(len(found.scores), predictor.class_names[0])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path,  # noqa: S603
                          env={"PATH": ""})
    assert done.stdout.split() == ["9", "chip"]


def test_a_folder_without_an_export_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"export\.json"):
        LitePredictor.load(Path(tmp_path))
