"""Training step and inference of the presets, in float32 and bfloat16, on this machine."""

from __future__ import annotations

import itertools
from pathlib import Path

import tensorflow as tf
from maskrcnn import hyperparameters
from maskrcnn.model.mask_rcnn import MaskRCNN
from maskrcnn.training import objective, optimizer, pipeline, records
from maskrcnn.training.config import Settings
from maskrcnn.training.examples import Example
from rich.table import Table

from benchmarks.timing import median_seconds

CLASSES = 4
PRECISIONS = {"float32": tf.float32, "bfloat16": tf.bfloat16}


def table(shards: Path, repeats: int) -> Table:
    """One line a preset and precision."""
    rows = Table(title="Mask R-CNN at 512 x 512, milliseconds (median)", title_justify="left")
    for name in ("Preset", "Precision", "Train step", "Images a step", "Images/s", "Inference", "Against float32"):
        rows.add_column(name, justify="left" if name in ("Preset", "Precision") else "right")
    for preset in ("demo", "r50"):
        reference = 0.0
        for precision, dtype in PRECISIONS.items():
            settings = hyperparameters.resolve({"preset": preset, "image_size": "512", "batch_norm": "SyncBN"}).settings
            batch = settings.training.batch_size_per_gpu
            step, detect = _times(settings, dtype, shards, repeats)
            reference = reference or step
            rows.add_row(preset, precision, f"{1000 * step:.0f}", str(batch), f"{batch / step:.2f}",
                         f"{1000 * detect:.0f}", f"{step / reference:.2f}")
    return rows


def _times(settings: Settings, dtype: tf.DType, shards: Path, repeats: int) -> tuple[float, float]:
    """Seconds of one training step and of one image's inference."""
    model = MaskRCNN(settings.model, CLASSES, dtype)
    mover = optimizer.build(settings.training, model.trained_variables())
    batches = itertools.cycle(itertools.islice(
        iter(pipeline.batches(records.scan(shards / "train"), settings, 0)), 4))
    seed = tf.constant([1, 2], tf.int64)

    @tf.function(autograph=False, reduce_retracing=True)
    def step(batch: Example) -> tf.Tensor:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(mover.trained)
            figures = objective.compute(model, batch, seed)
            total = tf.add_n([figures[name] for name in objective.LOSSES])
        gradients = tape.gradient(total, mover.trained, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return mover.apply(gradients, tf.constant(1e-6))

    detect = tf.function(model.detect, autograph=False)
    image = tf.constant(next(batches).image[0])
    trained = median_seconds(lambda: step(next(batches)).numpy(), repeats=repeats)
    return trained, median_seconds(lambda: detect(image).scores.numpy(), repeats=repeats)
