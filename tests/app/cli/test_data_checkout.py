"""data checkout: the exporters, run as a program of their own on the version that is named."""

from __future__ import annotations

import json

import pytest

from app.cli import data_checkout
from app.contracts import keys
from app.contracts.dataset import DatasetHead, VersionManifest
from app.contracts.uploads import EXPORT_FORMATS

NAME = "0a11111111111111"


@pytest.fixture
def started(cloud, monkeypatch):
    """A committed version; gives the programs that were started."""
    programs = []
    monkeypatch.setattr(data_checkout, "run_module", lambda module, arguments, where: programs.append(
        (module, arguments, where.bucket)))
    images = {"train": 7, "val": 2, "test": 1}
    cloud.put(keys.version_manifest(NAME), VersionManifest(NAME, None, (), images, {}, (), 10, 0, 0))
    cloud.put(keys.DATASET_HEAD, DatasetHead(NAME, "run1", "2026-11-21T08:00:00+00:00"))
    return programs


@pytest.mark.parametrize("said", ["head", "0a"])
def test_the_named_version_is_written_by_the_exporter(app, started, tmp_path, said):
    result = app("data", "checkout", said, "coco", tmp_path / "out")

    assert started == [("maskrcnn.data.export", ["s3://castings", "coco", f"{tmp_path}/out", "--version", NAME],
                        "castings")]
    assert result.stdout == f"Version {NAME} is in {tmp_path}/out as coco: train 7, val 2, test 1.\n"


def test_scripts_learn_what_was_written(app, started, tmp_path):
    said = json.loads(app("data", "checkout", "head", "masks", tmp_path, "--json").stdout)

    assert said == {"version": NAME, "format": "masks", "target": str(tmp_path),
                    "images": {"train": 7, "val": 2, "test": 1}}


def test_a_folder_with_anything_in_it_is_left_alone(app, started, tmp_path):
    (tmp_path / "mine.txt").write_text("x")

    for target in (tmp_path, tmp_path / "mine.txt"):
        result = app("data", "checkout", "head", "coco", target)
        assert (result.exit_code, result.stderr) == (
            1, f"Error: {target}: holds something already: name a new folder\n")
    assert started == []


def test_a_version_that_is_not_whole_is_refused(app, started, cloud, tmp_path):
    cloud.put(keys.version_members("0b22"), b"half")

    result = app("data", "checkout", "0b22", "coco", tmp_path)

    assert result.stderr.startswith("Error: version 0b22 is not whole: the run that made it did not end well")
    assert started == []


def test_an_unknown_format_names_the_known_ones(app, started, tmp_path):
    result = app("data", "checkout", "head", "word", tmp_path)

    assert result.exit_code == 2
    assert all(name in result.stderr for name in EXPORT_FORMATS)
