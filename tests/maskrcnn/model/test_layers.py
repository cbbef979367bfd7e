"""Layers against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.model.layers import BatchNorm, Conv, Deconv, Dense, FrozenBatchNorm, GroupNorm, stride_2_padding


def image(*shape: int) -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).normal(2.0, 3.0, shape), tf.float32)


def test_stride_2_pads_before_the_image():
    """A 3x3 stride-2 kernel sees pixels -1, 0, 1 first (AlignPadding), not 0, 1, 2 as TensorFlow's SAME."""
    conv = Conv("c", 1, 1, 3, stride=2)
    conv.kernel.assign(tf.ones_like(conv.kernel))
    result = conv(tf.reshape(tf.range(16.0), [1, 4, 4, 1]))[0, :, :, 0]
    assert result.numpy().tolist() == [[0 + 1 + 4 + 5, 1 + 2 + 3 + 5 + 6 + 7], [4 + 5 + 8 + 9 + 12 + 13, 90]]


@pytest.mark.parametrize(("padding", "kernel", "expected"), [
    ("aligned", 3, [1, 0]), ("same", 3, [0, 1]), ("symmetric", 3, [1, 1]),
    ("aligned", 7, [3, 2]), ("same", 7, [2, 3]), ("symmetric", 7, [3, 3])])
def test_padding_of_a_stride_2_kernel(padding, kernel, expected):
    assert stride_2_padding(kernel, padding) == expected


def test_same_padding_is_tensorflows():
    conv = Conv("c", 2, 3, 3, stride=2, padding="same")
    x = image(1, 8, 10, 2)
    np.testing.assert_allclose(conv(x), tf.nn.conv2d(x, conv.kernel, 2, "SAME"), rtol=1e-5, atol=1e-5)


def test_group_norm_takes_as_many_groups_as_divide_the_channels():
    assert [GroupNorm("g", channels).groups for channels in (64, 48, 24, 8)] == [32, 16, 8, 8]


@pytest.mark.parametrize(("kernel", "size", "expected"), [(7, 64, 32), (3, 32, 16), (1, 32, 16)])
def test_stride_2_halves(kernel, size, expected):
    assert Conv("c", 2, 3, kernel, stride=2)(image(1, size, size, 2)).shape == (1, expected, expected, 3)


def test_frozen_batch_norm_folds_into_the_convolution():
    conv = Conv("c", 3, 4, 3, norm="FreezeBN")
    rng = np.random.default_rng(1)
    for variable in (conv.norm.gamma, conv.norm.beta, conv.norm.mean, conv.norm.variance):
        variable.assign(rng.uniform(0.5, 2.0, 4))
    x = image(2, 5, 5, 3)
    plain = tf.nn.conv2d(x, conv.kernel, 1, "SAME")
    expected = tf.nn.batch_normalization(
        plain, conv.norm.mean, conv.norm.variance, conv.norm.beta, conv.norm.gamma, 1e-5)
    np.testing.assert_allclose(conv(x), expected, rtol=1e-3, atol=1e-4)


def test_trained_batch_norm_normalises_by_the_batch_and_remembers_it():
    conv = Conv("c", 3, 4, norm="SyncBN")
    x = image(4, 16, 16, 3)
    y = conv(x, training=True)
    np.testing.assert_allclose(tf.reduce_mean(y, [0, 1, 2]), np.zeros(4), atol=1e-4)
    np.testing.assert_allclose(tf.math.reduce_std(y, [0, 1, 2]), np.ones(4), rtol=1e-3)
    raw = tf.reduce_mean(tf.nn.conv2d(x, conv.kernel, 1, "SAME"), [0, 1, 2])
    np.testing.assert_allclose(conv.norm.mean, 0.1 * raw, rtol=1e-3)
    assert not np.allclose(conv(x), y)  # inference uses what was remembered


def test_group_norm_equals_its_definition():
    norm = GroupNorm("g", 64)
    x = image(2, 4, 5, 64)
    groups = np.reshape(x.numpy(), (2, 4, 5, 32, 2))
    mean = groups.mean((1, 2, 4), keepdims=True)
    expected = (groups - mean) / np.sqrt(groups.var((1, 2, 4), keepdims=True) + 1e-5)
    np.testing.assert_allclose(norm(x), expected.reshape(x.shape), rtol=1e-3, atol=1e-3)


def test_deconv_equals_conv2d_transpose():
    deconv = Deconv("d", 3, 4)
    x = image(2, 5, 6, 3)
    expected = tf.nn.relu(tf.nn.conv2d_transpose(x, deconv.kernel, [2, 10, 12, 4], 2, "VALID"))
    np.testing.assert_allclose(deconv(x), expected, rtol=1e-4, atol=1e-5)


def test_layers_compute_in_the_type_of_their_input():
    x = tf.cast(image(1, 8, 8, 32), tf.bfloat16)
    for norm in ("FreezeBN", "SyncBN", "GN", "None", None):
        conv = Conv("c", 32, 32, 3, norm=norm, relu=True)
        assert conv.kernel.dtype == tf.float32
        assert conv(x, training=True).dtype == tf.bfloat16
    assert Dense("f", 32, 8)(x[0, 0]).dtype == tf.bfloat16


def test_batch_norm_shares_its_variables_with_the_frozen_one():
    """So that weights trained with one can be used with the other."""
    names = [{v.name for v in kind("c/bn", 4).variables} for kind in (BatchNorm, FrozenBatchNorm)]
    assert names[0] == names[1] == {"c/bn/gamma:0", "c/bn/beta:0", "c/bn/mean/EMA:0", "c/bn/variance/EMA:0"}
