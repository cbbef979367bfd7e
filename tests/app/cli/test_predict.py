"""predict: instances, verdicts, pictures and exit statuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.cli.ask import overlay_paths
from app.contracts.dataset import Rle
from app.contracts.prediction import Instance, Prediction, Verdict

MASK = Rle((512, 512), "abc")
DISK = Instance("disk", "part", 0.998, (40.2, 38.0, 430.0, 431.6), 145_321, MASK)
CHIP = Instance("chipping", "defect", 0.934, (120.0, 44.0, 17.0, 12.0), 212, MASK)
OK = Prediction(512, 512, (DISK,), Verdict("OK", ()), "run-1", 80.0)
NG = Prediction(512, 512, (DISK, CHIP), Verdict("NG", ("chipping 0.93, 212 px at (120, 44)",)), "run-1", 81.0)


@pytest.fixture
def images(cloud, tmp_path):
    """A good casting, a bad one, and a file that is no photograph, before an endpoint that knows them."""
    cloud.sagemaker.status = "InService"
    cloud.sagemaker.answers = {b"good": OK, b"bad": NG}
    for name, content in (("good.jpeg", b"good"), ("bad.png", b"bad"), ("notes.jpg", b"hello"), ("notes.txt", b"")):
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_people_get_a_table_and_a_picture_of_each(app, cloud, images, tmp_path):
    result = app("predict", images / "good.jpeg", images / "bad.png", "--out", tmp_path / "out")

    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "out" / "good.png").read_bytes() == b"PNG of good"
    assert (tmp_path / "out" / "bad.png").read_bytes() == b"PNG of bad"
    lines = [line.split() for line in result.stdout.splitlines() if line.strip()]
    assert ["good.jpeg", "OK"] in lines
    assert "bad.png  NG  chipping 0.93, 212 px at (120, 44)" in result.stdout
    assert ["chipping", "0.93", "212", "120", "44", "17", "12"] in lines
    assert [(a["Accept"], a["ContentType"]) for a in cloud.sagemaker.asked] == [
        ("application/json", "image/jpeg"), ("image/png", "image/jpeg"),
        ("application/json", "image/png"), ("image/png", "image/png")]


def test_scripts_get_answers_with_masks_and_no_pictures(app, images, tmp_path):
    result = app("predict", images / "bad.png", "--json", "--out", tmp_path / "out")

    [answer] = json.loads(result.stdout)
    assert answer["file"] == str(images / "bad.png")
    assert answer["prediction"]["verdict"] == {"label": "NG", "reasons": ["chipping 0.93, 212 px at (120, 44)"]}
    assert answer["prediction"]["instances"][1]["mask"] == {"counts": "abc", "size": [512, 512]}
    assert not (tmp_path / "out").exists()


def test_one_bad_file_does_not_keep_the_others_from_an_answer(app, images, tmp_path):
    names = ("notes.jpg", "notes.txt", "missing.jpeg", "good.jpeg")

    result = app("predict", *(images / n for n in names), "--out", tmp_path)

    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"Error: {images}/notes.jpg: the endpoint refused it: is no JPEG",
        f"Error: {images}/notes.txt: no photograph: name a JPEG, PNG, BMP, TIFF or WebP file",
        f"Error: {images}/missing.jpeg: no such file: check the spelling"]
    assert "good.jpeg  OK" in result.stdout


@pytest.mark.parametrize(("names", "status"), [(["good.jpeg"], 0), (["good.jpeg", "bad.png"], 3), (["notes.txt"], 1)])
def test_fail_on_ng_turns_the_verdict_into_the_exit_status(app, images, names, status):
    assert app("predict", *(images / n for n in names), "--json", "--fail-on-ng").exit_code == status


def test_the_score_goes_to_the_endpoint(app, cloud, images):
    app("predict", images / "good.jpeg", "--json", "--min-score", "0.25")
    app("predict", images / "good.jpeg", "--json")

    assert [a.get("CustomAttributes") for a in cloud.sagemaker.asked] == ["min_score=0.25", None]


def test_a_score_beyond_1_is_a_wrong_command_line(app, cloud, images):
    assert app("predict", images / "good.jpeg", "--min-score", "1.5").exit_code == 2
    assert cloud.sagemaker.asked == []


def test_without_an_endpoint_the_next_step_is_named(app, cloud, images, tmp_path):
    cloud.sagemaker.status = ""

    result = app("predict", images / "good.jpeg", "--out", tmp_path / "out")

    assert result.exit_code == 1
    assert "it comes with the first promoted model: python -m app runs" in result.stderr
    assert not (tmp_path / "out").exists()


def test_equal_names_in_two_folders_give_two_pictures():
    paths = overlay_paths([Path("a/x.jpg"), Path("b/x.png"), Path("b/y.png"), Path("a/x.jpg")], Path("out"))

    assert paths == {Path("a/x.jpg"): Path("out/x.png"), Path("b/x.png"): Path("out/x-2.png"),
                     Path("b/y.png"): Path("out/y.png")}
