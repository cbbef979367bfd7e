"""data show: which program is asked about what, and what people and scripts see of its answer."""

from __future__ import annotations

import dataclasses
import json

import pytest

from app.cli import data_show
from app.cli.portrait_tables import blocks
from app.client import programs
from app.client.pipeline import PipelineError
from app.contracts import documents, keys
from app.contracts.dataset import DatasetHead
from app.contracts.portrait import (
    Advice,
    AnchorAdvice,
    AnchorSet,
    ClassPortrait,
    Histogram,
    ImageSize,
    Outlier,
    Pixels,
    Portrait,
    Spread,
)
from app.contracts.settings import PipelineSettings, TrainingSettings

ROOTS = Histogram((2.0, 4.0, 8.0, 16.0), (0, 1, 8))
ANCHORS = AnchorSet((32.0, 64.0), (0.5, 1.0), 0.557, 0.71, {"holes": 0.52})
PORTRAIT = Portrait(
    "castings", "044f71bd20d3df36", "", {"train": 10, "test": 3}, {"train": 4}, (ImageSize(512, 512, 12),), 1,
    (ClassPortrait("[holes]", "defect", {"train": 7, "test": 2}, {"train": 5, "test": 2}, 0, 0, 8, 1, 0, None,
                   Spread(4, 9, 17, 36, 136), None, ROOTS, ROOTS, ROOTS),
     ClassPortrait("disk", "part", {}, {}, 0, 0, 0, 0, 0, None, None, None, ROOTS, ROOTS, ROOTS)),
    ((7, 0), (0, 0)), Histogram((0.0, 1.0, 2.0), (4, 9)), {"good": 4},
    Pixels(13, Histogram((0.0, 128.0, 256.0), (3, 10)), Spread(20, 131, 140, 157, 169), Histogram((1.0, 2.0), (0,)),
           None, (Outlier("night.png", "train", "dark", 20.0, 8.5),)),
    AnchorAdvice("demo", 512, 768, 9, ANCHORS, dataclasses.replace(ANCHORS, recall50=0.92), 0.77, True), None,
    (Advice("problem", "holes", "holes [rare] is in only 5 training images"),), 1.0)


@pytest.fixture
def asked(monkeypatch):
    """The program is replaced by one that answers at once; gives what it was asked."""
    calls = []

    def run_module(module, arguments, where=None):
        calls.append((module, list(arguments), where))
        folder = data_show.Path(arguments[1])
        folder.mkdir(parents=True)
        (folder / "portrait.json").write_text(documents.to_json(PORTRAIT))
        return ""

    monkeypatch.setattr(data_show, "run_module", run_module)
    return calls


@pytest.fixture
def committed(cloud):
    """A deployment with one version, which trains the demo preset."""
    cloud.put(keys.DATASET_HEAD, DatasetHead("044f71bd20d3df36", "run-1", "now"))
    cloud.put(keys.version_manifest("044f71bd20d3df36"), b"{}")
    cloud.gate.settings = PipelineSettings("local", training=TrainingSettings(hyperparameters={"preset": "demo"}))
    return cloud


def test_the_head_is_compared_with_what_the_deployment_trains(app, committed, asked, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = app("data", "show")

    assert result.exit_code == 0, result.stderr
    [(module, arguments, where)] = asked
    assert module == "maskrcnn.data.portrait"
    assert arguments == ["s3://castings", "build/data/044f71bd20d3df36", "--version", "044f71bd20d3df36",
                         "--hyperparameters", '{"preset": "demo"}', "--images", "4000"]
    assert where.bucket == "castings"
    assert "build/data/044f71bd20d3df36/portrait.html" in result.stdout


def test_people_see_all_of_it(app, committed, asked, tmp_path):
    result = app("data", "show", "044f", "--out", tmp_path / "out", "--preset", "r101")

    assert asked[0][1][1:5] == [str(tmp_path / "out"), "--version", "044f71bd20d3df36", "--hyperparameters"]
    assert asked[0][1][5] == '{"preset": "r101"}'
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "Images 13: train 10 (4 without a defect), val 0 (0 without a defect), test 3 (0 without a defect)" in lines
    assert "Sizes 12 of 512 x 512, 1 of others" in lines
    assert "[holes] 9 7, 0, 2 7 8, 1, 0 9, 17, 36 ▁█" in lines
    assert "disk part 0 0, 0, 0 0 0, 0, 0 - ▁█" in lines
    assert "Brightness (0 to 255) 131 140 157 ▃█ 20 169" in lines
    assert "night.png train dark 20 8.5" in lines
    assert "demo 32, 64 0.5, 1 0.56 71%" in lines
    assert "suggested 32, 64 0.5, 1 0.56 92%" in lines
    assert "problem holes [rare] is in only 5 training images" in lines


def test_a_folder_needs_no_deployment(app, asked, tmp_path):
    """Given labels on this disk, then nothing is connected to, and the default preset is compared."""
    (tmp_path / "castings").mkdir()
    result = app("data", "show", tmp_path / "castings", "--out", tmp_path / "out", "--json")

    assert result.exit_code == 0, result.stderr
    assert asked == [("maskrcnn.data.portrait", [str(tmp_path / "castings"), str(tmp_path / "out"),
                                                 "--hyperparameters", "{}", "--images", "4000"], None)]
    assert json.loads(result.stdout)["anchors"]["suggested"]["recall50"] == 0.92


def test_an_unknown_version_is_named_with_those_there_are(app, committed):
    result = app("data", "show", "beef")
    assert result.exit_code == 1
    assert "beef: no such version: there are 044f71bd20d3df36" in " ".join(result.stderr.split())


def test_blocks_are_as_high_as_their_counts():
    assert blocks(Histogram((0.0, 1, 2, 3, 4, 5), (0, 1, 4, 0, 8))) == "▁▄ █"
    assert blocks(Histogram((0.0, 1.0), (0,))) == " "


def test_a_program_that_fails_says_why_in_its_own_sentence(tmp_path):
    with pytest.raises(PipelineError, match=r"^/nowhere: no such folder or archive: name one"):
        programs.run_module("maskrcnn.data.portrait", ["/nowhere", str(tmp_path)])


def test_a_program_reaches_the_embedded_aws_and_no_other(cloud):
    """Given the caller's own AWS settings, then they reach the program with --aws only."""
    base = {"AWS_PROFILE": "mine", "HOME": "/home/me"}
    own = programs.environment(base, dataclasses.replace(cloud.pipeline, embedded=False))
    embedded = programs.environment(base, cloud.pipeline)
    assert own["AWS_PROFILE"] == "mine"
    assert "AWS_PROFILE" not in embedded
    assert embedded["AWS_ENDPOINT_URL"] == cloud.s3.meta.endpoint_url
    assert own["HOME"] == embedded["HOME"] == "/home/me"
    assert all("training_container" in found["PYTHONPATH"] for found in (own, embedded))
