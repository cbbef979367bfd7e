"""Tiles on the device: without TensorFlow the same views, the same merging, the same answer."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.export import __main__ as program
from maskrcnn.export import lite_predictor
from maskrcnn.export.lite_predictor import LitePredictor, Tiling, mask_areas, merging, views
from maskrcnn.model.config import SEAM_PX
from maskrcnn.model.mask_rcnn import RawDetections
from maskrcnn.ops import images as image_ops
from maskrcnn.predictor import Predictor
from maskrcnn.tiling import mask_areas as tf_areas
from maskrcnn.tiling import merging as tf_merging
from maskrcnn.tiling import places as tf_places
from maskrcnn.tiling.views import Views

FILL = (124, 116, 104)
TILING = Tiling(short_edge_px=100, max_size_px=160, tile_px=64, overlap_px=20, seam_px=SEAM_PX, whole=True,
                detections=100)


def image(height, width):
    return np.random.default_rng(height).integers(0, 255, (height, width, 3)).astype(np.uint8)


def test_views_by_hand():
    """Given 50 x 80 that is seen as 100 x 160 in tiles of 64: 2 rows of 4, after all of it as 40 x 64."""
    shown, places = views.in_tiles(image(50, 80), TILING, (64, 64), FILL)
    assert [view.number for view in shown] == [-1, *range(8)]
    assert [view.corner for view in shown[1:]] == [(x, y) for y in (0, 36) for x in (0, 32, 64, 96)]
    assert all(view.canvas.shape == (64, 64, 3) and view.shown == (64, 64) for view in shown[1:])
    assert shown[0].shown == (40, 64)
    assert (shown[0].canvas[40:] == FILL).all()
    np.testing.assert_allclose(shown[0].scale, 80 / 64)
    np.testing.assert_array_equal(shown[3].scale, 0.5)
    resized = image_ops.resize(tf.constant(image(50, 80)), [100, 160])
    np.testing.assert_array_equal(shown[7].canvas, resized[36:100, 64:128])
    expected = tf_places.cover(tf.constant([100, 160]), 64, 20)
    np.testing.assert_array_equal(places.boxes, expected.boxes.numpy() / 2)
    finite = np.abs(expected.whole.numpy()) < 1e9
    np.testing.assert_array_equal(places.whole[finite], expected.whole.numpy()[finite] / 2)
    np.testing.assert_array_equal(np.sign(places.whole[~finite]), np.sign(expected.whole.numpy()[~finite]))
    assert np.isinf(places.whole[~finite]).all()


@pytest.mark.parametrize("size", [(384, 384), (150, 128), (683, 512)])
def test_images_are_resized_to_the_pixels_that_the_server_sees(size):
    """Given noise, where OpenCV alone would round one value in eight another way: hardly one is, and by 1."""
    given = image(480, 512)
    expected = image_ops.resize(tf.constant(given), size).numpy().astype(int)
    distance = np.abs(views._resized(given, size).astype(int) - expected)
    assert distance.max() <= 1
    assert distance.mean() < 0.03


def test_an_image_that_is_no_larger_than_a_tile_is_one_view():
    small = Tiling(50, 64, 64, 20, SEAM_PX, whole=True, detections=9)
    shown, places = views.in_tiles(image(20, 24), small, (50, 60), FILL)
    assert [(view.number, view.shown) for view in shown] == [(-1, (50, 60))]
    assert places.boxes.shape == (0, 4)


def test_an_image_of_another_shape_than_the_exports_is_covered_by_more_tiles():
    """Given an export for flat images, 40 x 64, and a square of 100: tiles of 40 x 64 cover every pixel of it."""
    shown, places = views.in_tiles(image(50, 50), TILING, (40, 64), FILL)
    covered = np.zeros((100, 100), bool)
    for x1, y1, x2, y2 in (places.boxes * 2).astype(int):
        covered[y1:y2, x1:x2] = True
    assert covered.all()
    assert shown[0].shown == (40, 40)  # all of it, as large as it fits


def random_views(seed: int, side: int) -> Views:
    """15 objects of two classes as four tiles and the whole image see them: cut at seams, not quite where they are."""
    rng = np.random.default_rng(seed)
    tiles = tf_places.cover(tf.constant([160, 160]), 100, 40)
    corners = rng.integers(0, 100, (15, 2))
    objects = np.concatenate([corners, corners + rng.integers(10, 100, (15, 2))], 1)
    found = []
    for number, frame in enumerate([[0, 0, 160, 160], *tiles.boxes.numpy()], -1):
        boxes = np.clip(objects + rng.uniform(-2, 2, objects.shape), np.tile(frame[:2], 2), np.tile(frame[2:], 2))
        for index in np.flatnonzero((boxes[:, 2:] - boxes[:, :2] > 4).all(1)):
            mask = cv2.resize(rng.uniform(0.3, 1, (4, 4)), (side, side)) if side else np.zeros((0, 0))
            found.append((boxes[index], rng.random(), 1 + index % 2, mask, number))
    boxes, scores, ids, masks, numbers = (np.array(part) for part in zip(*found, strict=True))
    kinds = (tf.float32, tf.float32, tf.int32, tf.float32)
    raw = RawDetections(*(tf.constant(part, kind) for part, kind in zip((boxes, scores, ids, masks), kinds,
                                                                        strict=True)))
    return Views(raw, tf.constant(numbers, tf.int32), tiles)


@pytest.mark.parametrize("side", [0, 28], ids=["boxes alone", "masks"])
@pytest.mark.parametrize("seed", range(4))
def test_merging_is_the_servers(seed, side):
    given = random_views(seed, side)
    expected = tf_merging.merge(given, 30)
    raw = merging.Raw(*(part.numpy() for part in (*given.found, given.numbers)))
    given_places = views.Places(*(part.numpy() for part in given.tiles))
    merged = merging.merge(raw, given_places, 30)
    assert 5 < len(merged.scores) < len(raw.scores)
    united = merging._united(*merging._large_or_whole(raw, given_places), given_places)[0]
    assert (united.numbers <= merging.OF_SEVERAL).any()  # fragments were put together on the way
    for ours, theirs in zip(merged[:4], expected, strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-4)


def test_nothing_found_is_nothing_merged():
    nothing = merging.Raw(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32),
                          np.zeros((0, 28, 28), np.float32), np.zeros(0, np.int32))
    assert [part.shape for part in merging.merge(nothing, views.Places(np.zeros((0, 4)), np.zeros((0, 4))), 9)] == [
        (0, 4), (0,), (0,), (0, 28, 28), (0,)]


def test_thresholds_are_the_servers():
    for name in ("SAME_OBJECT", "COVERED", "CANDIDATES"):
        assert getattr(merging, name) == getattr(tf_merging, name)
    assert mask_areas.SIDE == tf_areas.SIDE


@pytest.fixture(scope="module")
def exported(tiled_dir, tiled_data_dir, tmp_path_factory):
    out = tmp_path_factory.mktemp("lite") / "tiled"
    assert program.main(["--model", str(tiled_dir), "--format", "litert", "--out", str(out), "--data",
                         str(tiled_data_dir)]) == 0
    return out


def test_the_network_is_one_tile_and_the_answer_the_servers(exported, tiled_dir):
    """Given a model with tiles of 128: its export finds what the server's model finds, within the same points."""
    report = json.loads((exported / "export.json").read_text())
    assert (report["height"], report["width"]) == (128, 128)
    assert report["saved_model"]["mask_ap"] > 0.9
    assert abs(report["saved_model"]["mask_ap"] - report["export"]["mask_ap"]) <= 0.01
    blocks = image(32, 32).repeat(8, 0).repeat(8, 1)
    expected, found = Predictor.load(tiled_dir, "float32").predict(blocks), LitePredictor.load(exported).predict(blocks)
    assert len(found.scores) == 9
    np.testing.assert_array_equal(found.class_ids, expected.class_ids)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-3)
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=0.1)
    assert (found.masks != expected.masks).mean() < 0.01


def test_the_folder_tiles_without_tensorflow(exported, photo, tmp_path):
    shutil.copytree(exported, tmp_path, dirs_exist_ok=True)
    np.save(tmp_path / "photo.npy", photo)
    code = ("import sys, numpy as np, lite_predictor\n"
            "from pathlib import Path\n"
            "found = lite_predictor.LitePredictor.load(Path('.'), threads=1).predict(np.load('photo.npy'), 0.0)\n"
            "assert not [name for name in sys.modules if name.startswith(('tensorflow', 'maskrcnn', 'app'))]\n"
            "print(len(found.scores))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path,  # noqa: S603
                          env={"PATH": ""})
    assert done.stdout.split() == ["9"]
    assert Path(lite_predictor.__file__).parent.name == "lite_predictor"


def test_a_size_for_a_model_with_tiles_is_refused(tiled_dir, tiled_data_dir, tmp_path, caplog):
    assert program.main(["--model", str(tiled_dir), "--format", "litert", "--out", str(tmp_path / "o"), "--data",
                         str(tiled_data_dir), "--height", "64", "--width", "64"]) == 1
    assert "size 64 x 64: the model sees images in tiles of 128: leave height and width out" in caplog.text
    assert not (tmp_path / "o").exists()
