"""The split: decided once, the same in any order, never leaking."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from maskrcnn.data import draw, split_names, splits
from maskrcnn.data.draw import Contents

from app.contracts.settings import DataSettings

SETTINGS = DataSettings()
WISHES = st.sampled_from(["test", "val", "train", "train_or_val", "any"])
GROUPS = st.text("abcdef0123456789", min_size=1, max_size=6)


@pytest.mark.parametrize(("name", "split"), [
    ("train", "train"), ("Train2017", "train"), ("val_2", "val"), ("valid", "val"), ("testing", "test"),
    ("test bench 3", None), ("trainval", None), ("pump_test", None), ("dataset_01", None)])
def test_folder_names(name, split):
    assert split_names.of_folder(name) == split


@pytest.mark.parametrize(("stem", "split"), [
    ("instances_train2017", "train"), ("instances_val", "val"), ("test.coco", "test"), ("annotations-valid", "val"),
    ("val_annotations", "val"), ("coco_trainval", None), ("_annotations.coco", None), ("contest", None)])
def test_annotation_file_names(stem, split):
    assert split_names.of_file(stem) == split


@pytest.mark.parametrize(("said", "others", "has_test", "expected"), [
    ("val", {"train", "val"}, False, "test"),
    ("train", {"train", "val"}, False, "train_or_val"),
    ("val", {"train", "val", "test"}, False, "val"),
    ("train", {"train", "val", "test"}, False, "train"),
    ("train", {"train", "test"}, False, "train_or_val"),
    ("train", {"train"}, True, "train_or_val"),
    ("train", {"train"}, False, "any"),
    ("test", {"test"}, False, "test"),
    ("val", {"val"}, False, "val"),
    (None, {"train", "val"}, True, "any"),
])
def test_what_the_words_of_a_data_set_mean(said, others, has_test, expected):
    assert splits.wish(said, frozenset(others), has_test) == expected


@given(st.dictionaries(GROUPS, WISHES), st.randoms())
def test_order_does_not_matter(wishes, random):
    shuffled = list(wishes.items())
    random.shuffle(shuffled)
    assert splits.place(wishes, {}, SETTINGS) == splits.place(dict(shuffled), {}, SETTINGS)


@given(st.dictionaries(GROUPS, WISHES), st.dictionaries(GROUPS, WISHES))
def test_what_was_placed_never_moves(first, second):
    """Given a first version, when more arrives, then every group of the first stays."""
    before = splits.place(first, {}, SETTINGS)
    after = splits.place(second, before, SETTINGS)
    assert {group: after[group] for group in before} == before
    assert set(after) == set(first) | set(second)


@given(st.dictionaries(GROUPS, WISHES, min_size=3))
def test_three_groups_fill_three_splits_unless_too_many_are_called_test(wishes):
    counts = Counter(splits.place(wishes, {}, SETTINGS).values())
    if sum(said == "test" for said in wishes.values()) <= len(wishes) - 2:
        assert min(counts[split] for split in ("train", "val", "test")) >= 1


@given(st.dictionaries(GROUPS, WISHES))
def test_what_is_called_test_is_never_trained_on(wishes):
    placed = splits.place(wishes, {}, SETTINGS)
    assert all(placed[group] == "test" for group, said in wishes.items() if said == "test")


@given(st.sets(GROUPS, min_size=3, max_size=60))
def test_a_draw_gives_test_and_val_at_least_their_share(groups):
    counts = Counter(splits.place(dict.fromkeys(groups, "any"), {}, SETTINGS).values())
    assert counts["test"] >= max(1, int(0.15 * len(groups)))
    assert counts["val"] >= max(1, int(0.10 * len(groups)))


def test_a_large_draw_keeps_the_shares():
    counts = Counter(splits.place({f"part{n}": "any" for n in range(4000)}, {}, SETTINGS).values())
    assert counts["test"] == pytest.approx(600, abs=70)
    assert counts["val"] == pytest.approx(400, abs=60)


def test_the_draw_is_the_same_on_every_machine():
    """Given these names, then this: a change here would leak test images of existing data sets."""
    placed = splits.place({f"part{n}": "any" for n in range(20)}, {}, SETTINGS)
    assert sorted(group for group, split in placed.items() if split == "test") == ["part0", "part12", "part15"]


def test_train_or_val_is_never_test():
    placed = splits.place({f"part{n}": "train_or_val" for n in range(500)} | {"held": "test"}, {}, SETTINGS)
    assert [group for group, split in placed.items() if split == "test"] == ["held"]
    assert sum(split == "val" for split in placed.values()) == pytest.approx(500 * 0.1 / 0.85, abs=25)


def test_a_parent_group_in_several_splits_counts_as_test():
    placements = [("a", "train"), ("a", "test"), ("a", "val"), ("b", "train"), ("b", "val")]
    assert splits.inherited(placements) == {"a": "test", "b": "val"}


def test_the_strongest_wish_wins():
    assert splits.strongest(["any", "train", "test", "val"]) == "test"
    assert splits.strongest(["any", "train_or_val", "train"]) == "train"


ANY_CLASSES = st.dictionaries(GROUPS, st.frozensets(st.sampled_from("abcde"), max_size=3), max_size=40)


def drawn(of_group, placed=None, wishes=None, before=None):
    """The splits of groups with these classes; any wish unless it is given."""
    wishes = dict.fromkeys(of_group, "any") | (wishes or {})
    return splits.place(wishes, before or {}, SETTINGS, Contents(of_group, placed or {}))


def where(name, of_group, placed):
    """How many groups show a class, by split."""
    return Counter(placed[group] for group, names in of_group.items() if name in names)


@given(st.dictionaries(GROUPS, st.sampled_from("abcde"), max_size=40))
def test_a_rare_class_is_in_train_and_then_in_test_and_then_in_val(class_of):
    """Given parts with one class each, then one part of a class trains, of two one tests, the third validates."""
    others = {f"other{n}": frozenset({"disk"}) for n in range(5)}
    of_group = {group: frozenset(name) for group, name in class_of.items()}
    placed = drawn(of_group | others)
    for name, parts in Counter(class_of.values()).items():
        found = where(name, of_group, placed)
        assert found["train"] >= 1
        assert parts < 2 or found["test"] >= max(1, int(0.075 * parts))
        assert parts < 3 or found["val"] >= max(1, int(0.05 * parts))


@given(ANY_CLASSES, st.randoms())
def test_the_order_of_classes_and_groups_does_not_matter(of_group, random):
    shuffled = list(of_group.items())
    random.shuffle(shuffled)
    assert drawn(of_group) == drawn(dict(shuffled))


@given(ANY_CLASSES, ANY_CLASSES)
def test_classes_move_nothing_that_was_placed(first, second):
    before = drawn(first)
    present = {name: where(name, first, before) for name in "abcde"}
    after = drawn(second, present, before=before)
    assert {group: after[group] for group in before} == before


@given(ANY_CLASSES, st.dictionaries(GROUPS, WISHES))
def test_what_an_upload_says_wins_over_the_classes(of_group, wishes):
    """Given explicit splits in every split, then no class moves a group out of what was said."""
    fixed = {"in-test": "test", "in-train": "train", "in-val": "val"}
    placed = drawn(of_group, wishes=wishes | fixed)
    for group, said in wishes.items():
        if said in ("test", "val", "train"):
            assert placed[group] == said
        elif said == "train_or_val":
            assert placed[group] != "test"


def test_the_lowest_hash_that_shows_the_class_changes_over():
    """Given a class on three parts that all were drawn for train, then two of them change over and nobody else."""
    parts = {f"part{n}": frozenset({"disk"}) for n in range(125)}  # hashes alone give test and val their shares
    without = drawn(parts)
    rare = sorted((g for g in parts if without[g] == "train"), key=draw.fraction)[-3:]
    placed = drawn(parts | dict.fromkeys(rare, frozenset({"disk", "crack"})))
    assert [placed[group] for group in rare] == ["test", "val", "train"]
    assert {g: s for g, s in placed.items() if g not in rare} == {g: s for g, s in without.items() if g not in rare}


def test_a_class_that_test_has_already_pulls_no_more_parts_there():
    of_group = {f"part{n}": frozenset({"crack"}) for n in range(3)}
    wishes = dict.fromkeys(of_group, "any")
    present = {"crack": {"train": 5, "test": 1, "val": 1}}
    alone = {group: draw.by_hash(group, "any", SETTINGS) for group in of_group}
    before = {"a": "train", "b": "test", "c": "val"}
    assert drawn(of_group, present, wishes, before) == {**alone, **before}


def test_a_single_part_of_a_class_is_learnt():
    tested = next(f"p{n}" for n in range(99) if draw.by_hash(f"p{n}", "any", SETTINGS) == "test")
    others = {f"q{n}": frozenset({"disk"}) for n in range(30)}
    assert drawn(others | {tested: frozenset({"crack"})})[tested] == "train"
