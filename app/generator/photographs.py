"""Draw a numbered set of castings and write the photographs; the labels are the business of each format."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from app.generator.casting import Casting, render

JPEG_QUALITY = 92


def draw(folder: Path, *, count: int, seed: int, size: int) -> Iterator[tuple[Path, Casting]]:
    """Write `count` photographs into `folder`, one after the other, and yield each with what it shows."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        casting = render((seed, number), size)
        path = folder / f"casting_{seed}_{number:04d}.jpeg"
        Image.fromarray(casting.image).save(path, quality=JPEG_QUALITY)
        yield path, casting
