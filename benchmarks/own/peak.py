"""The machine's convolution peak: 3x3, 256 to 256 channels, as the pyramid and the mask head have it."""

from __future__ import annotations

import time
from typing import Any

import tensorflow as tf

from benchmarks import worker

CHANNELS, INNER = 256, 4
SHAPES = {"pyramid": (1, 64, 64), "mask head": (100, 14, 14)}
"""Images, height and width."""


def build(spec: dict[str, Any]) -> worker.Work:
    """Specification: dtype. Facts: operations a second of the best shape seen in this run."""
    tf.config.threading.set_intra_op_parallelism_threads(spec["threads"])
    dtype = tf.as_dtype(spec["dtype"])
    kernel = tf.cast(tf.random.normal([3, 3, CHANNELS, CHANNELS], stddev=0.02), dtype)
    inputs = {name: tf.cast(tf.random.normal([*shape, CHANNELS]), dtype) for name, shape in SHAPES.items()}

    @tf.function(autograph=False)
    def convolve(x: tf.Tensor) -> tf.Tensor:
        return tf.nn.conv2d(x, kernel, 1, "SAME")

    def rate(name: str) -> float:
        operations = 2.0 * 9 * CHANNELS**2
        for side in SHAPES[name]:
            operations *= side
        began = time.perf_counter()
        for _ in range(INNER):
            result = convolve(inputs[name])
        result[0, 0, 0, 0].numpy()
        return operations * INNER / (time.perf_counter() - began)

    def sample() -> dict[str, float]:
        fastest = max(rate(name) for name in SHAPES)
        return {"seconds": 1.0 / fastest}

    return sample


if __name__ == "__main__":
    worker.serve(build)
