"""Generated castings, prepared as the pipeline prepares them; made once below build/bench."""

from __future__ import annotations

from pathlib import Path

from maskrcnn.data import local

from app.generator.project import generate

FOLDER = Path("build/bench")
COUNT = 24


def shards() -> Path:
    """Folder with the TFRecord shards of each split."""
    out = FOLDER / "prepared"
    if not (out / "train").exists():
        source = FOLDER / "castings"
        for _ in generate(source, count=COUNT, seed=5):
            pass
        local.prepare_folder(source, out)
    return out
