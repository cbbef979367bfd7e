"""prelabel: every photograph of a folder is asked about, and the answers become a project to correct."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from app.contracts import keys
from app.contracts.dataset import ClassDefinition, DatasetHead, Rle, VersionManifest
from app.contracts.prediction import Instance, Prediction, Verdict

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
PIXEL = b"a photograph, as far as the endpoint is asked"


def found(class_name, role):
    mask = np.zeros((40, 50), np.uint8, order="F")
    mask[4:9, 10:22] = 1
    counts = coco_mask.encode(mask)["counts"].decode()
    return Instance(class_name, role, 0.71, (10.0, 4.0, 12.0, 5.0), 60, Rle((40, 50), counts))


@pytest.fixture
def photographs(cloud, tmp_path):
    """Two photographs in folders, what a camera leaves beside them, and an endpoint that knows them."""
    cloud.sagemaker.status = "InService"
    ng = Prediction(50, 40, (found("disk", "part"), found("holes", "defect")), Verdict("NG", ("holes",)), "run-7", 9.0)
    ok = Prediction(50, 40, (found("disk", "part"),), Verdict("OK", ()), "run-7", 9.0)
    cloud.sagemaker.answers = {PIXEL: ng, PIXEL + b"2": ok}
    folder = tmp_path / "new"
    for name, body in (("a/ng.PNG", PIXEL), ("b/ok.png", PIXEL + b"2"), (".trash/x.png", b"x"), ("notes.txt", b"x")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
    return folder


def test_a_folder_becomes_a_project(app, cloud, photographs, tmp_path):
    """Given a committed version, then a labeller may choose all of its classes."""
    classes = (ClassDefinition(2, "chips", "defect"), ClassDefinition(1, "disk", "part"))
    cloud.put(keys.DATASET_HEAD, DatasetHead("v1", "run-1", "now"))
    cloud.put(keys.version_manifest("v1"), VersionManifest("v1", None, classes, {"train": 1}, {}, (), 1, 0, 0))
    result = app("prelabel", photographs, tmp_path / "project", "--min-score", "0.3")

    assert result.exit_code == 0, result.stderr
    assert "2 photographs with 3 drawn objects, 1 without a finding" in result.stdout
    assert [a["CustomAttributes"] for a in cloud.sagemaker.asked] == ["min_score=0.3"] * 2
    annotation = json.loads((tmp_path / "project/prelabels/ann/ng.png.json").read_text())
    assert [(o["classTitle"], o["bitmap"]["origin"]) for o in annotation["objects"]] == [
        ("disk", [10, 4]), ("holes", [10, 4])]
    assert annotation["tags"] == [{"name": "prelabel", "value": "run-7"}]
    meta = json.loads((tmp_path / "project/meta.json").read_text())
    assert [c["title"] for c in meta["classes"]] == ["disk", "chips", "holes"]
    assert (tmp_path / "project/prelabels/img/ng.png").read_bytes() == PIXEL


def test_one_photograph_that_is_refused_does_not_keep_the_others(app, photographs, tmp_path):
    (photographs / "broken.jpg").write_bytes(b"broken")
    result = app("prelabel", photographs, tmp_path / "project", "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "target": str(tmp_path / "project"), "images": 2, "objects": 3, "empty": 1, "unanswered": 1}
    assert "broken.jpg: the endpoint refused it: is no JPEG" in result.stderr
    assert len(list((tmp_path / "project/prelabels/img").iterdir())) == 2


@pytest.mark.parametrize(("folder", "target", "sentence"), [
    ("nowhere", "project", "nowhere: no such folder"),
    ("new/.trash", "new", "holds something already: name a new folder"),
    ("empty", "project", "empty: no photograph in it"),
])
def test_nothing_is_asked_before_both_folders_are_right(app, cloud, photographs, tmp_path, folder, target, sentence):
    (tmp_path / "empty").mkdir()
    result = app("prelabel", tmp_path / folder, tmp_path / target)
    assert result.exit_code == 1
    assert sentence in " ".join(result.stderr.split())
    assert cloud.sagemaker.asked == []


def test_without_an_endpoint_nothing_is_written(app, cloud, photographs, tmp_path):
    cloud.sagemaker.status = ""
    result = app("prelabel", photographs, tmp_path / "project")
    assert result.exit_code == 1
    assert "no photograph was answered: nothing is written" in " ".join(result.stderr.split())
    assert not (tmp_path / "project").exists()
