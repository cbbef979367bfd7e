"""The input of training: read, decode, augment, crop the masks, batch."""

from __future__ import annotations

import itertools
import time
from typing import Any

from maskrcnn.training import pipeline, records

from benchmarks import worker
from benchmarks.own import castings, network

IMAGES = 96
"""Images a sample."""
READY = 16
"""Images that may lie in buffers before a sample; they are taken out first."""


def build(spec: dict[str, Any]) -> worker.Work:
    """Specification: size, hyperparameters. A sample is the time of one image."""
    settings = network.settings(spec)
    batch = settings.training.batch_size_per_gpu
    batches = iter(pipeline.batches(records.scan(castings.generated() / "train"), settings, 0))

    def sample() -> dict[str, float]:
        for _ in range(READY // batch):
            next(batches)
        began = time.perf_counter()
        seen = sum(int(taken.image.shape[0]) for taken in itertools.islice(batches, IMAGES // batch))
        return {"seconds": (time.perf_counter() - began) / seen}

    return sample


if __name__ == "__main__":
    worker.serve(build)
