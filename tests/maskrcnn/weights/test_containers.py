"""Every kind of file that holds weights gives the same arrays."""

from __future__ import annotations

import tarfile

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.weights import containers, own
from maskrcnn.weights.arrays import WeightsError

KERNEL = np.arange(12, dtype=np.float32).reshape(1, 1, 3, 4)


def tf1_checkpoint(prefix):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.get_variable("conv0/W", initializer=KERNEL)
        tf.compat.v1.get_variable("global_step", initializer=np.int64(7))
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.train.Saver().save(session, str(prefix))


def keras_model():
    image = keras.Input((4, 4, 3))
    hidden = keras.layers.Conv2D(4, 1, name="conv1_conv")(image)
    model = keras.Model(image, keras.layers.BatchNormalization(name="conv1_bn")(hidden))
    model.get_layer("conv1_conv").set_weights([KERNEL, np.full(4, 2.0)])
    model.get_layer("conv1_bn").set_weights([np.full(4, v) for v in (3.0, 4.0, 5.0, 6.0)])
    return model


@pytest.mark.parametrize("name", ["model-7", "model-7.index", "model-7.data-00000-of-00001", "checkpoint", ""])
def test_tf1_checkpoint_by_any_of_its_names(tmp_path, name):
    tf1_checkpoint(tmp_path / "model-7")
    arrays = containers.read(tmp_path / name)
    assert set(arrays) == {"conv0/W", "global_step"}
    np.testing.assert_array_equal(arrays["conv0/W"], KERNEL)


def test_checkpoint_folder_that_was_moved_from_another_machine(tmp_path):
    tf1_checkpoint(tmp_path / "model-7")
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "/opt/train/log/model-7"\n')
    np.testing.assert_array_equal(containers.read(tmp_path)["conv0/W"], KERNEL)


def test_tf2_checkpoint_gives_the_variables_own_names(tmp_path):
    variable = tf.Variable(KERNEL, name="conv0/W")
    prefix = tf.train.Checkpoint(model=tf.train.Checkpoint(stem=variable)).save(str(tmp_path / "ckpt"))
    assert prefix.endswith("ckpt-1")
    np.testing.assert_array_equal(containers.read(tmp_path / "ckpt-1")["conv0/W"], KERNEL)


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5", "m.h5"])
def test_keras_files_of_every_layout(tmp_path, name):
    model = keras_model()
    save = model.save_weights if name.endswith(".weights.h5") else model.save
    save(tmp_path / name)
    arrays = containers.read(tmp_path / name)
    assert set(arrays) == {"conv1_conv/kernel", "conv1_conv/bias", "conv1_bn/gamma", "conv1_bn/beta",
                           "conv1_bn/moving_mean", "conv1_bn/moving_variance"}
    np.testing.assert_array_equal(arrays["conv1_conv/kernel"], KERNEL)
    norm = [arrays[f"conv1_bn/{kind}"].tolist() for kind in ("gamma", "beta", "moving_mean", "moving_variance")]
    assert norm == [[3] * 4, [4] * 4, [5] * 4, [6] * 4]


@pytest.mark.parametrize(("path", "expected"), [
    ("conv1/conv1/kernel:0", "conv1/kernel"),
    ("rpn_model/rpn_conv_shared/bias:0", "rpn_conv_shared/bias"),
    ("mrcnn_mask_bn1/mrcnn_mask_bn1/moving_mean:0", "mrcnn_mask_bn1/moving_mean"),
    ("res2a_branch2a/res2a_branch2a_W_1:0", "res2a_branch2a/kernel"),
    ("bn2a_branch2a/bn2a_branch2a_running_std_1:0", "bn2a_branch2a/moving_variance"),
])
def test_names_of_older_keras_files(tmp_path, path, expected):
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file[path] = np.ones(2, np.float32)
    assert list(containers.read(tmp_path / "old.h5")) == [expected]


def test_model_archive_and_model_folder(filled, values, tmp_path):
    model = filled()
    own.save(model, tmp_path / "weights.npz")
    (tmp_path / "model.json").write_text("{}")
    with tarfile.open(tmp_path / "packed.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "weights.npz", "weights.npz")
        archive.add(tmp_path / "model.json", "model.json")
    for path in (tmp_path, tmp_path / "packed.tar.gz", tmp_path / "weights.npz"):
        arrays = containers.read(path)
        assert own.MARKER in arrays
        np.testing.assert_array_equal(arrays["conv0/W"], values(model)["conv0/W"])


def test_newest_checkpoint_of_a_folder_and_the_best_weights_beside_it_are_ours(tmp_path):
    for name, value in (("checkpoint-000000008.npz", 8), ("checkpoint-000000016.npz", 16), ("best-000000008.npz", 1)):
        np.savez(tmp_path / name, **{"conv0/W": np.full(2, value), "state.json": np.zeros(3, np.uint8)})
    arrays = containers.read(tmp_path)
    assert arrays["conv0/W"].tolist() == [16, 16]
    assert set(arrays) == {"conv0/W", own.MARKER}
    assert own.MARKER in containers.read(tmp_path / "best-000000008.npz")


def test_folder_with_one_file_means_that_file_and_with_two_asks_for_a_name(tmp_path):
    np.savez(tmp_path / "a.npz", **{"conv0/W": KERNEL})
    (tmp_path / "readme.txt").write_text("not weights")
    np.testing.assert_array_equal(containers.read(tmp_path)["conv0/W"], KERNEL)
    np.savez(tmp_path / "b.npz", **{"conv0/W": KERNEL})
    with pytest.raises(WeightsError, match=r"holds 2 files of weights: name one of them: a.npz, b.npz"):
        containers.read(tmp_path)


@pytest.mark.parametrize(("content", "words"), [
    (b"version https://git-lfs.github.com/spec/v1\n", "neither .npz.*Git LFS"),
    (b"\x89HDF\r\n\x1a\n then nothing", "cannot be read.*damaged or cut off"),
    (b"", "neither .npz"),
])
def test_what_is_no_file_of_weights_is_named(tmp_path, content, words):
    (tmp_path / "w.bin").write_bytes(content)
    with pytest.raises(WeightsError, match=rf"w.bin: {words}"):
        containers.read(tmp_path / "w.bin")


def test_cut_off_files_are_named(tmp_path):
    np.savez(tmp_path / "w.npz", **{"conv0/W": np.arange(10_000.0)})
    content = (tmp_path / "w.npz").read_bytes()
    (tmp_path / "w.npz").write_bytes(content[:500] + b"\0" * 2000 + content[2500:])
    with pytest.raises(WeightsError, match=r"w.npz: cannot be read"):
        containers.read(tmp_path / "w.npz")
