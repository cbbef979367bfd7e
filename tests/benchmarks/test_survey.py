"""The survey of real sets, on a small one made here: what is staged, counted, trained and exported."""

from __future__ import annotations

import io
import json
import math
import sys

import numpy as np
import pytest
from PIL import Image

from app.contracts.uploads import UploadNote
from benchmarks import survey
from benchmarks.survey import RealSet

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def samples(tmp_path):
    """Four photographs, three of them with labelme outlines of 10 x 10 px, and a paper."""
    folder = tmp_path / "samples/squares"
    for name in ("img", "label"):
        (folder / name).mkdir(parents=True)
    for number in range(4):
        stream = io.BytesIO()
        pixels = np.random.default_rng(number).integers(0, 255, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(stream, "PNG")
        (folder / f"img/{number}.png").write_bytes(stream.getvalue())
        corners = [[10, 10], [20, 10], [20, 20], [10, 20]]
        shape = {"label": "square", "points": corners, "shape_type": "polygon", "group_id": None, "flags": {}}
        if number < 3:
            (folder / f"label/{number}.json").write_text(json.dumps({
                "version": "5", "flags": {}, "shapes": [shape], "imagePath": f"../img/{number}.png", "imageData": None,
                "imageHeight": 64, "imageWidth": 64}))
    (folder / "README.md").write_text("squares")
    return tmp_path / "samples"


def test_parts_that_make_the_upload(samples, tmp_path):
    """Given photographs of which one has no label, then it stays behind where labels decide."""
    real = RealSet("squares", "squares", ("img", "label"), labels="label", note=UploadNote(class_name="x"))
    survey._stage(real, samples / "squares", tmp_path / "up")
    staged = sorted(p.relative_to(tmp_path / "up").as_posix() for p in (tmp_path / "up").rglob("*") if p.is_file())
    assert staged == ["castline.json", "img/0.png", "img/1.png", "img/2.png", "label/0.json", "label/1.json",
                      "label/2.json"]
    survey._stage(RealSet("squares", "squares"), samples / "squares", tmp_path / "all")
    assert sum(p.is_file() for p in (tmp_path / "all").rglob("*")) == 8


@pytest.mark.slow
def test_a_set_goes_through_all_of_it(samples, monkeypatch, capsys):
    """Given one photograph without a label, then three images, a finding, a finite loss and four exports."""
    monkeypatch.setattr(survey, "SETS", (RealSet("squares", "squares"), RealSet("absent", "absent")))
    [row] = survey.survey(samples)
    assert (row.name, row.result.formats) == ("squares", ("labelme",))
    assert (sum(row.result.images.values()), row.result.instances) == (3, {"square": 3})
    assert sum(row.rules.values()) == 1
    assert math.isfinite(row.loss)
    assert row.loss > 0
    assert list(row.export_seconds) == ["coco", "supervisely", "masks", "tfrecord"]
    first, _, line = survey.markdown([row]).splitlines()
    assert first.startswith("| set | format | images | objects | findings |")
    assert line.startswith("| squares | labelme | 3 | 3 | 1 ")


def test_without_samples_it_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["survey", str(tmp_path)])
    assert survey.main() == 1
    assert "no sample set in it: it should hold casting and others" in capsys.readouterr().err
