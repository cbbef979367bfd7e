"""Choices of training compared on folds: every image is held out once, with all photographs of its part."""

from __future__ import annotations

import sys

import pytest
from maskrcnn.evaluation import truth

from app.generator.project import generate
from benchmarks.quality import __main__ as command
from benchmarks.quality import folds
from benchmarks.quality.choices import Choice
from benchmarks.survey import ONE_STEP

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def test_a_choice_is_the_demo_preset_with_something_over_it():
    choice = Choice.parse("larger: image_size=768 anchor_sizes=[8,16,32,64,128]")
    assert choice == Choice("larger", {"preset": "demo", "image_size": "768", "anchor_sizes": "[8,16,32,64,128]"})
    assert Choice.parse("demo") == Choice("demo", {"preset": "demo"})
    assert Choice.parse("a: epochs=2").digest == Choice.parse("b: epochs=2").digest != choice.digest
    assert Choice.parse("a: preset=cpu epochs=12").digest != Choice.parse("a: epochs=12").digest


def test_a_word_that_is_no_pair_is_named():
    with pytest.raises(ValueError, match="'epochs' is no hyperparameter=value: write NAME: epochs=24"):
        Choice.parse("longer: epochs")


def test_each_image_is_held_out_once_with_its_part():
    """Given 10 parts with two photographs each, then three folds test all 20, and no part is on two sides."""
    images = [(f"part {number // 2}", bytes([number])) for number in range(20)]
    divided = [folds._divided(images, number, 3) for number in range(3)]
    assert sorted(record for fold in divided for record in fold["test"]) == sorted(record for _, record in images)
    for fold in divided:
        sides = [{images[record[0]][0] for record in fold[split]} for split in ("train", "val", "test")]
        assert sum(map(len, sides)) == len(set.union(*sides)) == 10
        assert all(sides)


@pytest.mark.slow
def test_a_choice_is_trained_once_and_scored_on_all_folds(tmp_path, monkeypatch, capsys):
    """Given 12 castings and two folds, then one row over those not held out, the second time from disk."""
    for _ in generate(tmp_path / "castings", count=12, seed=1):
        pass
    work = tmp_path / "work"
    small = " ".join(f"{name}={value.replace(' ', '')}" for name, value in ONE_STEP.items() if name != "run_id")
    monkeypatch.setattr(sys, "argv", ["quality", str(tmp_path / "castings"), "--work", str(work), "--folds", "2",
                                      "--only-folds", "--choice", f"small: {small}"])
    monkeypatch.setenv("COLUMNS", "250")
    assert command.main() == 0
    first = capsys.readouterr().out
    bucket, manifest = folds.prepared(tmp_path / "castings", work)
    rest = manifest.images["train"] + manifest.images["val"]
    assert f"│ small  │ 2 folds   │     {rest:2} │" in first
    assert len(truth.read_test_set(bucket / "test", manifest.classes)) == 12 - rest
    before = sorted(work.rglob("model.json"), key=lambda path: path.stat().st_mtime_ns)
    assert len(before) == 2
    assert command.main() == 0
    assert capsys.readouterr().out == first
    drawn = tmp_path / "drawn"
    sys.argv += ["--pictures", str(drawn)]
    assert command.main() == 0
    assert capsys.readouterr().out == first
    assert len(list((drawn / "small/2 folds/images").glob("*.png"))) == rest
    sheets = sorted((drawn / "small/2 folds").glob("*.png"))
    assert [sheet.name for sheet in sheets] == [f"sheet-{number:03d}.png" for number in range(1, -(-rest // 8) + 1)]
    sys.argv += ["--fold", "2"]
    assert command.main() == 0
    assert "│ small  │ 1 of 2 folds │" in capsys.readouterr().out
    assert sorted(work.rglob("model.json"), key=lambda path: path.stat().st_mtime_ns) == before
