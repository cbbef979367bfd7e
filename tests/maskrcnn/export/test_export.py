"""Exported models answer like the predictor, and the program says what it cannot do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.export import __main__ as program
from maskrcnn.export.lite_predictor import LitePredictor
from maskrcnn.predictor import Predictor
from maskrcnn.weights import own
from maskrcnn.weights.assign import assign
from maskrcnn.weights.formats import open_source


@pytest.fixture(scope="module")
def predictor(model_dir):
    return Predictor.load(model_dir, "float32")


@pytest.fixture(scope="module")
def saved(model_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "1"
    assert program.main(["--model", str(model_dir), "--format", "savedmodel", "--out", str(folder)]) == 0
    return folder


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def test_saved_model_answers_like_the_predictor(saved, predictor):
    """Given an image of another size than the network's, whose boxes must come back in its own pixels."""
    image = np.random.default_rng(1).integers(0, 255, (100, 130, 3)).astype(np.uint8)
    signatures = tf.saved_model.load(str(saved)).signatures
    answer = signatures["serving_default"](image=tf.constant(image))
    expected = predictor.find(tf.constant(image))
    assert len(expected.scores) == 9
    for name, value in expected._asdict().items():
        close(answer[name], value)

    detections = predictor.predict(image)
    pasted = signatures["pasted"](image=tf.constant(image))
    close(pasted["boxes"], detections.boxes)
    assert pasted["masks"].shape == (9, 100, 130)
    disputed = (pasted["masks"].numpy() >= 0.5) != detections.masks
    assert detections.masks.any()
    assert np.abs(pasted["masks"].numpy()[disputed] - 0.5).max(initial=0.0) < 1e-4


def test_saved_model_takes_several_images(saved, predictor, photo):
    images = np.stack([photo, photo[::-1], np.zeros_like(photo)])
    answer = tf.saved_model.load(str(saved)).signatures["batch"](images=tf.constant(images))
    for index, image in enumerate(images):
        expected = predictor.find(tf.constant(image))
        count = int(answer["count"][index])
        assert count == len(expected.scores)
        for name, value in expected._asdict().items():
            close(answer[name][index, :count], value)
            assert not answer[name][index, count:].numpy().any()


def test_saved_model_needs_no_code_of_ours(saved, photo, tmp_path):
    np.save(tmp_path / "photo.npy", photo)
    code = ("import sys, numpy as np, tensorflow as tf\n"
            f"model = tf.saved_model.load({str(saved)!r})\n"
            f"image = tf.constant(np.load({str(tmp_path / 'photo.npy')!r}))\n"
            "assert not [name for name in sys.modules if name.startswith('maskrcnn')]\n"
            "print(len(model.signatures['serving_default'](image=image)['scores']))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path,  # noqa: S603
                          env={"PATH": "", "CUDA_VISIBLE_DEVICES": ""})
    assert done.stdout.strip() == "9"


def test_saved_model_says_what_it_is(saved):
    card = json.loads((saved / "assets.extra/model.json").read_text())
    assert [c["name"] for c in card["classes"]] == ["chip", "hole", "burr"]


@pytest.mark.parametrize("rows", ["CHW", "HWC"])
def test_tensorpack_weights_come_back_as_they_were(model_dir, predictor, tmp_path, rows):
    archive = tmp_path / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for file in model_dir.iterdir():
            tar.add(file, file.name)
    out = tmp_path / "new/exported.npz"
    assert program.main(["--model", str(archive), "--format", "tensorpack", "--out", str(out), "--fc6-rows", rows]) == 0
    ours = {name: variable.numpy() for name, variable in predictor.model.named_variables().items()}
    with np.load(out) as theirs:
        assert set(theirs.files) == set(ours)
        assert own.MARKER not in theirs.files
        np.testing.assert_array_equal(theirs["conv0/W"], ours["conv0/W"][:, :, ::-1])
    source = open_source(out)
    assert source.format.name == "tensorpack"
    other = Predictor.load(model_dir, "float32").model
    for variable in other.variables:
        variable.assign(np.zeros_like(variable))
    assign(other, source.convert(other.config, rows), "exported.npz", strict=True)
    for name, variable in other.named_variables().items():
        np.testing.assert_array_equal(variable, ours[name])


@pytest.mark.parametrize(("name", "words"), [
    ("missing", "missing: holds no model.json: give the folder or the model.tar.gz"),
    ("broken.tar.gz", "cannot be unpacked"),
])
def test_what_is_no_model_is_refused(tmp_path, caplog, name, words):
    (tmp_path / "broken.tar.gz").write_bytes(b"not an archive")
    assert program.main(["--model", str(tmp_path / name), "--format", "savedmodel", "--out", str(tmp_path / "o")]) == 1
    assert words in caplog.text
    assert not (tmp_path / "o").exists()


def litert(model_dir, out, *options):
    return program.main(["--model", str(model_dir), "--format", "litert", "--out", str(out), *options])


def test_litert_export_is_judged_and_described(model_dir, data_dir, photo, saved, tmp_path, caplog):
    """Given a version to judge on: the folder has all that a device needs, and the figures."""
    out = tmp_path / "new/edge"
    assert litert(model_dir, out, "--data", str(data_dir)) == 0
    assert sorted(file.name for file in out.iterdir()) == ["export.json", "label_map.pbtxt", "lite_predictor",
                                                           "model.tflite"]
    assert {file.name for file in (out / "lite_predictor").iterdir()} >= {"__init__.py", "predictor.py", "merging.py"}
    assert [file.name for file in out.parent.iterdir()] == ["edge"]
    report = json.loads((out / "export.json").read_text())
    assert (report["height"], report["width"], report["class_names"]) == (64, 96, ["chip", "hole", "burr"])
    assert report["fill_rgb"] == [124, 116, 104]
    assert report["export"]["bytes"] == (out / "model.tflite").stat().st_size
    assert report["saved_model"]["mask_ap"] > 0.9
    assert abs(report["saved_model"]["mask_ap"] - report["export"]["mask_ap"]) <= 0.01
    assert report["export"]["milliseconds_per_image"] > 0
    assert 'name: "burr"' in (out / "label_map.pbtxt").read_text()
    answer = LitePredictor.load(out).predict(photo)
    expected = tf.saved_model.load(str(saved)).signatures["serving_default"](image=tf.constant(photo))
    np.testing.assert_array_equal(answer.class_ids, expected["class_ids"])
    np.testing.assert_allclose(answer.boxes, expected["boxes"], atol=1e-2)
    assert litert(model_dir, out, "--data", str(data_dir)) == 1
    assert "holds something already: name a new folder" in caplog.text


def test_litert_export_that_loses_too_much_leaves_nothing(model_dir, data_dir, tmp_path, caplog):
    """Given images of 96 x 64 squeezed into 40 x 40: the program says what was lost and writes nothing."""
    out = tmp_path / "edge"
    assert litert(model_dir, out, "--data", str(data_dir), "--height", "40", "--width", "40") == 1
    assert list(tmp_path.iterdir()) == []
    assert re.search(r"Refused, nothing written: float32: box AP \d\.\d+ against the SavedModel's 1\.0000, mask AP .*, "
                     r"on 4 test images: it loses \d+\.\d+ points and may lose 1:", caplog.text)


@pytest.mark.parametrize(("options", "words"), [
    ([], "--data: missing: a LiteRT export is judged on the test images"),
    (["--data", "{data}", "--height", "64"], "--height 64 --width 0: give both or neither"),
    (["--data", "{data}", "--calibration-images", "0"], "--calibration-images 0: must be 1 or more"),
    (["--data", "{data}/train"], "holds no folder test with *.tfrecord shards"),
])
def test_litert_orders_that_make_no_sense_are_refused(model_dir, data_dir, tmp_path, caplog, options, words):
    assert litert(model_dir, tmp_path / "o", *(option.format(data=data_dir) for option in options)) == 1
    assert words in caplog.text
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(("quantization", "calibration"), [("int8", 6), ("float16", 0)])
def test_test_images_judge_and_training_images_calibrate(predictor, data_dir, quantization, calibration):
    options = program._parser().parse_args([
        "--model", "m", "--format", "litert", "--out", "o", "--data", str(data_dir), "--quantization", quantization,
        "--height", "64", "--width", "96", "--calibration-images", "5"])
    order = program._order(predictor, options)
    assert (order.quantization, order.size, order.judges_name) == (quantization, (64, 96), "test")
    assert (len(order.judges), len(order.calibration), order.calibration_images) == (4, calibration, 5)
