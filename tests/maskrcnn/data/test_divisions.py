"""Which images train, validate and test: told by folders, drawn by parts, and every class in each."""

from __future__ import annotations

import pytest
from maskrcnn.program import JobError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def test_only_test_images_leave_nothing_to_train_on(inbox, bench):
    for n in range(5):
        inbox.good(f"up/test/{n}.png")
    with pytest.raises(JobError, match="no image is left for train and val of 5 images") as caught:
        bench.run(inbox)
    assert caught.value.code == "DATA_TOO_FEW"


def test_a_val_folder_without_test_is_the_held_out_test_set(inbox, bench):
    for n in range(30):
        inbox.good(f"up/train/t{n}.png")
    for n in range(4):
        inbox.good(f"up/val/v{n}.png")
    members = bench.members(bench.run(inbox).version)
    names = {split: {m.file_name for m in members if m.split == split} for split in ("train", "val", "test")}
    assert names["test"] == {f"val/img/v{n}.png" for n in range(4)}
    assert names["val"]
    assert all(name.startswith("train/") for name in names["val"] | names["train"])


def test_three_folders_are_taken_as_they_are(inbox, bench):
    for split, count in (("train", 5), ("val", 3), ("test", 2)):
        for n in range(count):
            inbox.good(f"up/{split}/{split}{n}.png")
    assert bench.run(inbox).images == {"train": 5, "val": 3, "test": 2}


def test_photographs_of_one_part_share_a_split(inbox, bench):
    for part in range(12):
        for view in range(3):
            inbox.good(f"up/ds/part{part}_{view}.png")
    members = bench.members(bench.run(inbox, group_pattern=r"^(part\d+)_").version)
    by_group = {}
    for member in members:
        by_group.setdefault(member.group, set()).add(member.split)
    assert set(by_group) == {f"part{n}" for n in range(12)}
    assert all(len(found) == 1 for found in by_group.values())


def test_a_copy_that_is_called_test_takes_the_image_out_of_training(inbox, bench):
    for n in range(6):
        inbox.good(f"up/train/t{n}.png", seed=n)
        inbox.good(f"up/val/v{n}.png", seed=n + 100)
    for n in range(3):
        inbox.good(f"up/test/copy{n}.png", seed=n)
    result = bench.run(inbox)
    assert result.images == {"train": 3, "val": 6, "test": 3}


def test_a_rare_class_of_a_first_and_of_a_later_upload_is_tested_and_learnt(inbox, bench):
    """Given three parts with a rare class, then train, test and val have one each; one part more moves nothing."""
    inbox.fill(40)
    for n in range(3):
        inbox.good(f"up/ds/rare{n}.png", class_name="crack")
    first = bench.manifest(bench.run(inbox).version)
    assert {s.name: s.images for s in first.statistics}["crack"] == {"train": 1, "val": 1, "test": 1}
    for n in range(2):
        inbox.good(f"more/ds/new{n}.png", class_name="pore")
    result = bench.run(inbox, parent=first.version, classes=("chipping", "crack", "pore"))
    later = bench.manifest(result.version)
    counts = {s.name: s.images for s in later.statistics}
    assert (counts["crack"], counts["pore"]) == ({"train": 1, "val": 1, "test": 1}, {"train": 1, "test": 1})


def test_a_class_that_an_upload_keeps_out_of_test_is_told(inbox, bench):
    """Given told splits, then no part changes over for a class, and a person learns that it is missing."""
    for split in ("train", "val", "test"):
        for n in range(3):
            inbox.good(f"up/{split}/{split}{n}.png")
    inbox.good("up/train/crack.png", class_name="crack")
    inbox.good("up/train/crack2.png", class_name="crack")
    inbox.good("up/test/pore.png", class_name="pore")
    result = bench.run(inbox)
    assert (result.images, result.warnings) == ({"train": 5, "val": 3, "test": 4}, 2)
    assert [(f.rule, f.object, f.message) for f in bench.findings()] == [
        ("class-not-tested", "class crack", "data set: 2 images show crack, none of them in test: nobody learns how "
         "well it is found: upload photographs of other parts that show it, or call some of them test"),
        ("class-not-trained", "class pore", "data set: 1 image shows pore, none of them in train: the model cannot "
         "learn it: upload photographs of other parts that show it")]
