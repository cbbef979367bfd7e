"""Castings as TFRecord shards: generated ones, or a folder of real ones, prepared as the pipeline prepares them."""

from __future__ import annotations

from pathlib import Path

from maskrcnn.data import local

from app.generator.project import generate

FOLDER = Path("build/bench")
COUNT = 24


def generated() -> Path:
    """Folder with the shards of each split, made once."""
    source = FOLDER / "castings"
    if not source.exists():
        for _ in generate(source, count=COUNT, seed=5):
            pass
    return prepared(source, "prepared")


def prepared(source: Path, name: str) -> Path:
    """The shards of a folder of labelled images, made once below build/bench."""
    out = FOLDER / name
    if not (out / "train").exists():
        local.prepare_folder(source, out)
    return out
