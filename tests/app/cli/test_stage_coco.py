"""stage-coco: from a server to a folder, and on to the bucket."""

from __future__ import annotations

import pytest

from app.staging import catalogue
from app.staging.catalogue import Archive
from tests.app.cli.test_data_copy import efs  # noqa: F401 - a fixture
from tests.app.staging.conftest import Server, zipped

PREFIX = "mask-rcnn/sagemaker/input/train/"


@pytest.fixture
def coco(monkeypatch):
    """A server with a COCO of three files."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Server()
    files = {"annotations": "instances_val2017.json", "val2017": "1.jpg", "train2017": "2.jpg"}
    archives = tuple(
        Archive(server.put(f"{folder}.zip", zipped({f"{folder}/{name}": name.encode()})), folder, 10)
        for folder, name in files.items())
    monkeypatch.setattr(catalogue, "COCO_2017", archives)
    monkeypatch.setattr(catalogue, "IMAGENET_R50", server.put("R50.npz", zipped({"a.npy": b"1"})))
    yield server
    server.close()


def test_the_folder_is_staged_without_any_deployment(app, coco, tmp_path):
    result = app("stage-coco", "--folder", tmp_path / "coco", "--no-weights")

    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "coco/val2017/1.jpg").read_bytes() == b"1.jpg"
    assert not (tmp_path / "coco/pretrained-models").exists()
    assert "is complete (new: annotations, val2017, train2017; there already: nothing)." in result.stdout
    again = app("stage-coco", "--folder", tmp_path / "coco", "--no-weights")
    assert "(new: nothing; there already: annotations, val2017, train2017)" in again.stdout


def test_upload_brings_it_to_the_bucket_where_training_looks_for_it(app, cloud, coco, tmp_path):
    result = app("stage-coco", "--folder", tmp_path / "coco", "--upload")

    assert result.exit_code == 0, result.stderr
    assert cloud.stored() == [
        "dataset/weights/R50.npz", f"{PREFIX}annotations/instances_val2017.json", f"{PREFIX}pretrained-models/R50.npz",
        f"{PREFIX}train2017/2.jpg", f"{PREFIX}val2017/1.jpg"]
    assert f"4 files in s3://castings/{PREFIX}, 4 of them new" in result.stdout
    assert "4 files" in (again := app("stage-coco", "--folder", tmp_path / "coco", "--upload")).stdout
    assert ", 0 of them new" in again.stdout


def test_a_refusal_is_one_sentence(app, coco, tmp_path):
    coco.files.clear()
    result = app("stage-coco", "--folder", tmp_path / "coco")

    assert result.exit_code == 1
    assert "annotations.zip: the server answers 404 Not Found: look whether the address still holds" in result.stderr
    assert "Traceback" not in result.stderr


def test_efs_brings_it_on_to_the_file_system_at_the_same_path(app, efs, coco, tmp_path):  # noqa: F811
    result = app("stage-coco", "--folder", tmp_path / "coco", "--no-weights", "--efs")

    assert result.exit_code == 0, result.stderr
    root = efs[2] / "mask-rcnn/sagemaker/input/train"
    assert sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()) == [
        "annotations/instances_val2017.json", "train2017/2.jpg", "val2017/1.jpg"]
    assert "/mask-rcnn/sagemaker/input/train on the file system fs-0123456789abcdef0 is complete." in result.stdout
