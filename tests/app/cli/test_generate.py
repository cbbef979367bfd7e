"""generate."""

from __future__ import annotations

import json


def test_it_draws_a_project_and_says_how_to_upload_it(app, tmp_path):
    result = app("generate", tmp_path / "castings", "--count", 2, "--seed", 3, "--size", 128)

    assert result.exit_code == 0
    assert result.stdout == (f"Drew 2 castings into {tmp_path}/castings. "
                             f"Next: python -m app upload {tmp_path}/castings\n")
    assert sorted(p.name for p in tmp_path.rglob("*.jpeg")) == ["casting_3_0000.jpeg", "casting_3_0001.jpeg"]
    assert (tmp_path / "castings" / "meta.json").is_file()


def test_it_writes_coco_on_request(app, tmp_path):
    result = app("generate", tmp_path, "--count", 1, "--size", 128, "--format", "coco")

    assert result.exit_code == 0
    assert len(json.loads((tmp_path / "annotations.json").read_text())["images"]) == 1


def test_it_never_writes_into_a_folder_that_holds_something(app, tmp_path):
    (tmp_path / "mine.txt").touch()

    result = app("generate", tmp_path, "--count", 1)

    assert result.exit_code == 1
    assert result.stderr == f"Error: {tmp_path}: holds something already: name a new folder\n"
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_a_file_is_no_folder(app, tmp_path):
    (tmp_path / "mine.txt").touch()

    assert app("generate", tmp_path / "mine.txt").exit_code == 1
