"""Small worlds of labelled images and answers, made of rectangles."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from maskrcnn import rle
from maskrcnn.evaluation.truth import Label, LabelledImage
from numpy.typing import NDArray
from PIL import Image

from app.contracts.dataset import ClassDefinition
from app.contracts.prediction import Instance

with warnings.catch_warnings():  # pycocotools 2.0.11 says something about NumPy 2 at its first import
    warnings.simplefilter("ignore")
    import pycocotools.cocoeval  # noqa: F401

SIDE_PX = 96
CLASSES = (
    ClassDefinition(1, "disk", "part"),
    ClassDefinition(2, "chipping", "defect"),
    ClassDefinition(3, "holes", "defect"),
)


def rectangle(name: str, x: int, y: int, width: int, height: int, score: float = 1.0) -> Instance:
    mask = np.zeros((SIDE_PX, SIDE_PX), bool)
    mask[y : y + height, x : x + width] = True
    role = "part" if name == "disk" else "defect"
    return Instance(name, role, score, (x, y, width, height), width * height, rle.encode(mask))


def labelled(number: int, labels: Sequence[Label | Instance]) -> LabelledImage:
    pixels = np.full((SIDE_PX, SIDE_PX, 3), 100 + number % 100, np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return LabelledImage(
        sha256=hashlib.sha256(str(number).encode()).hexdigest(),
        file_name=f"cast_{number}.png",
        extension="png",
        encoded=stream.getvalue(),
        width=SIDE_PX,
        height=SIDE_PX,
        labels=tuple(label if isinstance(label, Label) else Label(label) for label in labels),
    )


def random_world(seed: int, images: int, skill: float) -> tuple[list[LabelledImage], list[tuple[Instance, ...]]]:
    """Images with up to four labels, and answers that find each with probability `skill`, plus false alarms."""
    places, answers = np.random.default_rng(seed), np.random.default_rng([seed, int(skill * 1000)])
    world, found = [], []
    for number in range(images):
        labels, given = [], []
        for _ in range(places.integers(0, 5)):
            name = CLASSES[places.integers(0, 3)].name
            x, y = (int(v) for v in places.integers(0, 60, 2))
            width, height = (int(v) for v in places.integers(6, 34, 2))
            labels.append(Label(rectangle(name, x, y, width, height), is_crowd=bool(places.random() < 0.08)))
            if answers.random() < skill:
                dx, dy = (int(v) for v in answers.integers(-2, 3, 2))
                box = max(x + dx, 0), max(y + dy, 0), width, height
                given.append(rectangle(name, *box, score=float(answers.choice([0.3, 0.5, 0.7, 0.9]))))
        for _ in range(answers.integers(0, 3)):
            x, y = (int(v) for v in answers.integers(0, 60, 2))
            given.append(rectangle(CLASSES[answers.integers(0, 3)].name, x, y, 12, 9, score=float(answers.random())))
        world.append(labelled(number, labels))
        found.append(tuple(sorted(given, key=lambda instance: -instance.score)))
    return world, found


@pytest.fixture
def rect() -> Callable[..., Instance]:
    return rectangle


@pytest.fixture
def image() -> Callable[..., LabelledImage]:
    return labelled


@pytest.fixture
def world() -> Callable[..., tuple[list[LabelledImage], list[tuple[Instance, ...]]]]:
    return random_world


@pytest.fixture
def classes() -> tuple[ClassDefinition, ...]:
    return CLASSES


def pixels_of(image: LabelledImage) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(image.encoded)))
