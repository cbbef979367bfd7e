"""check."""

from __future__ import annotations

import base64
import io
import json
import zlib

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from app.cli import check
from app.contracts.dataset import Finding


def png(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def castings(tmp_path):
    """Four photographs; the mask of one has a single pixel."""
    folder = tmp_path / "castings"
    for n in range(4):
        rows = np.zeros((4 - 3 * (n == 0),) * 2, np.uint8) + 255
        data = base64.b64encode(zlib.compress(png(rows))).decode()
        item = {"classTitle": "holes", "geometryType": "bitmap", "bitmap": {"data": data, "origin": [9, 9]}}
        for kind in ("img", "ann"):
            (folder / "ds" / kind).mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(n).integers(0, 256, (32, 32), dtype=np.uint8)
        (folder / f"ds/img/{n}.png").write_bytes(png(noise))
        (folder / f"ds/ann/{n}.png.json").write_text(json.dumps(
            {"size": {"width": 32, "height": 32}, "objects": [item], "tags": []}))
    return folder


def test_warnings_are_shown_and_are_no_failure(app, castings, tmp_path):
    result = app("check", castings, "--output", tmp_path / "out")

    assert result.exit_code == 0
    assert "4 images are good to use, 0 items are not; read as supervisely." in result.stdout
    assert "mask-tiny" in result.stdout
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "check.json", "findings.csv", "findings.html", "findings.json"]


def test_errors_are_exit_status_1_and_can_be_filtered(app, castings, tmp_path):
    (castings / "ds/img/1.png").write_bytes(b"no picture")

    result = app("check", castings, "--output", tmp_path / "out", "--json", "--rule", "image-unreadable")

    assert result.exit_code == 1
    assert [(f["file"], f["severity"]) for f in json.loads(result.stdout)] == [("castings/ds/img/1.png", "error")]
    assert len(json.loads((tmp_path / "out/findings.json").read_text())) == 2


def test_a_path_that_is_not_there(app, tmp_path):
    result = app("check", tmp_path / "gone")

    assert result.exit_code == 1
    assert "gone: no such file or folder" in result.stderr


def test_a_note_in_the_folder_is_not_overruled(app, castings):
    (castings / "castline.json").write_text("{}")

    result = app("check", castings, "--format", "coco")

    assert result.exit_code == 1
    assert "says already how to read the upload" in result.stderr


def test_the_table_counts_findings_and_files_errors_first():
    found = [Finding(file, "mask", rule, "x", severity) for file, rule, severity in [
        ("a", "mask-tiny", "warning"), ("a", "mask-tiny", "warning"), ("b", "mask-tiny", "warning"),
        ("a", "mask-empty", "error")]]
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(check.counts_table(found))
    rows = [line.split() for line in console.export_text().splitlines() if "mask-" in line]
    assert rows == [["error", "mask-empty", "1", "1"], ["warning", "mask-tiny", "3", "2"]]
