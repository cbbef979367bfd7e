"""The castings of the demo: which are uploaded, and which the endpoint is asked about."""

from __future__ import annotations

from pathlib import Path

from app.client import runs, versions
from app.client.pipeline import Pipeline
from app.contracts import keys
from app.generator.project import generate

UPLOADED, UNSEEN = 72, 8
SEED, UNSEEN_SEED = 7, 2026


def draw(folder: Path) -> Path:
    """Generate the castings to upload."""
    for _ in generate(folder, count=UPLOADED, seed=SEED):
        pass
    return folder


def draw_unseen(folder: Path) -> list[Path]:
    """Generate castings that are never uploaded."""
    return list(generate(folder, count=UNSEEN, seed=UNSEEN_SEED))


def fetch_test_images(pipeline: Pipeline, version: str, folder: Path) -> list[Path]:
    """Fetch the photographs of a version's test set, on which no model was trained.

    Raises:
        PipelineError: there is no such version.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for member in (m for m in versions.members(pipeline, version) if m.split == "test"):
        path = folder / Path(member.file_name).name
        key = keys.image(member.image_sha256, member.image_extension)
        path.write_bytes(runs.read_object(pipeline, key) or b"")
        paths.append(path)
    return sorted(paths)
