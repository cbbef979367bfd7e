"""Inference of ours: a uint8 image in, masks in the pixels of the image out, as the endpoint does it."""

from __future__ import annotations

import time
from typing import Any

import tensorflow as tf
from maskrcnn.model_card import ModelCard
from maskrcnn.ops import masks as mask_ops
from maskrcnn.predictor import Predictor

from app.contracts.dataset import ClassDefinition
from benchmarks import scenes, worker
from benchmarks.own import network


def build(spec: dict[str, Any]) -> worker.Work:
    """Specification: size, dtype, hyperparameters, and how many detections are `answered` [all]."""
    config = network.settings(spec).model
    classes = tuple(ClassDefinition(index + 1, f"class {index + 1}", "defect") for index in range(scenes.CLASSES))
    predictor = Predictor(network.network(config, spec), ModelCard("bench", "bench", classes, "r50", {}, 0))
    image = tf.constant(scenes.make(spec["size"], 0).image)
    min_score = tf.constant(0.0)
    if "answered" in spec:
        min_score = predictor._detect(image, min_score)[1][spec["answered"]]

    def sample() -> dict[str, float]:
        began = time.perf_counter()
        boxes, _, _, small = (part.numpy() for part in predictor._detect(image, min_score))
        network_seconds = time.perf_counter() - began
        mask_ops.paste(small, boxes, spec["size"], spec["size"])
        return {"network_seconds": network_seconds, "detections": len(boxes)}

    return sample


if __name__ == "__main__":
    worker.serve(build)
