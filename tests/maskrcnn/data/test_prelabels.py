"""Answers of a model as labels to correct: exactly what it drew, and nothing that passes for truth unseen."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from maskrcnn import rle
from maskrcnn.data import prelabels
from PIL import Image
from pycocotools import mask as coco_mask

from app.contracts import documents
from app.contracts.dataset import Rle
from app.contracts.prediction import Answered, Instance, Prediction, Verdict

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
MODEL = "run-20261121"


def square(x, y, side, size=(48, 64)):
    mask = np.zeros(size, bool)
    mask[y : y + side, x : x + side] = True
    return mask


def instance(mask, class_name="holes", role="defect", score=0.9):
    return Instance(class_name, role, score, (0.0, 0.0, 1.0, 1.0), int(mask.sum()), rle.encode(mask))


def prediction(*instances, size=(64, 48), are_boxes=False):
    return Prediction(*size, instances, Verdict("OK", ()), MODEL, 1.0, are_boxes)


class Desk:
    """A folder of photographs with answers about them, and the project made of these."""

    def __init__(self, folder, picture):
        self.folder, self.picture, self.lines = folder, picture, []
        self.project = folder / "inbox/project"

    def answer(self, name, answer, body=None):
        path = self.folder / "photographs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body or self.picture(len(self.lines)))
        self.lines.append(documents.to_json(Answered(str(path), name, answer)))

    def write(self, *classes):
        answers = self.folder / "answers.jsonl"
        answers.write_text("\n".join(self.lines) + "\n")
        arguments = [str(answers), str(self.project), *(f"--class={c}" for c in classes)]
        return prelabels.main(arguments)

    def annotation(self, name):
        return json.loads((self.project / f"prelabels/ann/{name}.json").read_text())

    def correct(self):
        """What a labeller does who agrees with everything: take the tag away."""
        for path in self.project.rglob("ann/*.json"):
            document = json.loads(path.read_text())
            document["tags"] = [tag for tag in document["tags"] if tag["name"] != "prelabel"]
            path.write_text(json.dumps(document))


@pytest.fixture
def desk(tmp_path, picture):
    return Desk(tmp_path, picture)


def test_what_nobody_looked_at_is_set_aside_and_is_no_fault(desk, take_in):
    """Given a project as it was written, then no image is used, each is said what to do about, and none is bad."""
    desk.answer("a.png", prediction(instance(square(5, 5, 9))))
    desk.answer("b.png", prediction())
    assert desk.write() == 0
    taken = take_in(desk.folder / "inbox")
    assert taken.records == {}
    assert (taken.intake.items, taken.intake.faults, len(taken.intake.rejected)) == (2, 0, 2)
    assert {(f.rule, f.severity, f.object) for f in taken.findings} == {
        ("prelabel-unreviewed", "error", "annotation")}
    assert taken.messages()[0] == (
        f"a.png: was labelled by the model {MODEL} and nobody has looked at it: correct it in the labelling tool, take "
        "the image tag prelabel away, and upload it again")


def test_corrected_ones_come_back_exactly(desk, take_in):
    """Given a part and two defects that overlap on it, then each comes back pixel by pixel, and empty is background."""
    disk, one, other = square(2, 2, 40), square(5, 5, 9), square(10, 8, 10)
    desk.answer("line/a.png", prediction(instance(one, score=0.93), instance(disk, "disk", "part", 0.99),
                                         instance(other, "chips", score=0.4)))
    desk.answer("b.png", prediction())
    assert desk.write() == 0
    desk.correct()
    taken = take_in(desk.folder / "inbox")
    masks = taken.masks("project/prelabels/img/a.png")
    assert [name for name, _ in masks] == ["disk", "chips", "holes"]  # painted in this order: the part lies below
    for (_, found), drawn in zip(masks, (disk, other, one), strict=True):
        assert (found == drawn).all()
    assert taken.objects("project/prelabels/img/b.png") == []
    assert taken.intake.faults == 0


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(masks=st.lists(arrays.arrays(bool, (48, 64)), min_size=1, max_size=4))
def test_any_mask_survives_the_project(tmp_path_factory, picture, take_in, masks):
    desk = Desk(tmp_path_factory.mktemp("desk"), picture)
    desk.answer("a.png", prediction(*(instance(mask) for mask in masks)))
    desk.write()
    desk.correct()
    found = [mask.tobytes() for _, mask in take_in(desk.folder / "inbox").masks("project/prelabels/img/a.png")]
    assert sorted(found) == sorted(mask.tobytes() for mask in masks if mask.any())


def test_labellers_see_scores_tags_and_all_classes(desk):
    desk.answer("a.png", prediction(instance(square(5, 5, 9), score=0.934)))
    desk.answer("b.png", prediction(instance(square(2, 2, 40), "disk", "part")))
    desk.write("disk", "chips")
    meta = json.loads((desk.project / "meta.json").read_text())
    assert [c["title"] for c in meta["classes"]] == ["disk", "chips", "holes"]
    assert {tag["name"]: tag["value_type"] for tag in meta["tags"]} == {
        "prelabel": "any_string", "nothing-found": "none", "score": "any_number"}
    assert desk.annotation("a.png")["tags"] == [{"name": "prelabel", "value": MODEL}]
    assert desk.annotation("b.png")["tags"][1] == {"name": "nothing-found", "value": None}
    [found] = desk.annotation("a.png")["objects"]
    assert found["tags"] == [{"name": "score", "value": 0.934}]
    assert (found["classTitle"], found["geometryType"], found["bitmap"]["origin"]) == ("holes", "bitmap", [5, 5])


def test_a_model_that_finds_boxes_gives_boxes(desk, take_in):
    desk.answer("a.png", prediction(instance(square(5, 6, 9)), are_boxes=True))
    desk.write()
    desk.correct()
    taken = take_in(desk.folder / "inbox")
    assert taken.objects("project/prelabels/img/a.png") == [("holes", (5.0, 6.0, 9.0, 9.0), False)]


def test_equal_names_stay_apart_and_copies_count_once(desk, picture):
    """Given two photographs called a.png and a copy of each, then two are written and neither is lost."""
    for folder, seed in (("one", 0), ("two", 1), ("three", 0), ("four", 1)):
        desk.answer(f"{folder}/a.png", prediction(), body=picture(seed))
    desk.write()
    written = sorted((desk.project / "prelabels/img").iterdir())
    assert all(path.name.startswith("a-") for path in written)
    assert {path.read_bytes() for path in written} == {picture(0), picture(1)}
    assert len(written) == len(list((desk.project / "prelabels/ann").iterdir())) == 2


def test_a_photograph_that_lies_on_its_side_fits_its_masks(desk, take_in):
    """Given an EXIF orientation, then the endpoint answered upright, and upright the label comes back."""
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)).save(
        stream, "JPEG", exif=exif)
    mask = square(3, 4, 20, size=(64, 48))
    desk.answer("a.jpg", prediction(instance(mask), size=(48, 64)), body=stream.getvalue())
    desk.write()
    desk.correct()
    taken = take_in(desk.folder / "inbox")
    [(_, found)] = taken.masks("project/prelabels/img/a.jpg")
    assert (found == mask).all()


def test_a_folder_in_use_is_left_alone(desk, caplog):
    desk.project.mkdir(parents=True)
    (desk.project / "mine.txt").write_text("x")
    desk.answer("a.png", prediction())
    assert desk.write() == 1
    assert "holds something already: name a new folder" in caplog.text
    assert [path.name for path in desk.project.iterdir()] == ["mine.txt"]


def test_an_empty_mask_is_no_object(desk):
    empty = Rle((48, 64), coco_mask.encode(np.zeros((48, 64), np.uint8, order="F"))["counts"].decode())
    desk.answer("a.png", prediction(Instance("holes", "defect", 0.9, (0.0, 0.0, 1.0, 1.0), 1, empty)))
    desk.write()
    assert desk.annotation("a.png")["objects"] == []
    assert [tag["name"] for tag in desk.annotation("a.png")["tags"]] == ["prelabel", "nothing-found"]
