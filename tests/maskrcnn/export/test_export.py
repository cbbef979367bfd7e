"""Exported models answer like the predictor, and the program says what it cannot do."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.export import __main__ as program
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


@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
def test_litert_answers_like_the_saved_model(model_dir, saved, photo, tmp_path):
    path = tmp_path / "model.tflite"
    assert program.main(["--model", str(model_dir), "--format", "litert", "--out", str(path), "--height", "64",
                         "--width", "96"]) == 0
    interpreter = tf.lite.Interpreter(str(path))
    assert not [op for op in interpreter._get_ops_details() if op["op_name"].startswith("Flex")]
    answer = interpreter.get_signature_runner("serving_default")(image=photo)
    expected = tf.saved_model.load(str(saved)).signatures["serving_default"](image=tf.constant(photo))
    np.testing.assert_array_equal(answer["class_ids"], expected["class_ids"])
    np.testing.assert_allclose(answer["boxes"], expected["boxes"], atol=1e-2)
    np.testing.assert_allclose(answer["scores"], expected["scores"], atol=1e-4)
    np.testing.assert_allclose(answer["masks"], expected["masks"], atol=2e-3)


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
