"""What is probably wrong is said as a warning, and nothing is said about labels that are merely unlike others."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from maskrcnn.data import verdict_words
from maskrcnn.data.suspicions import of_label, of_upload

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def said(take_in):
    """(file name, rule, object) of every suspicion about an inbox, or any folder."""

    def run(inbox, part_classes=("disk",)):
        taken = take_in(inbox)
        found = [one for path, record in sorted(taken.records.items()) for one in of_label(path, record, part_classes)]
        found += of_upload(taken.intake.accepted.values(), part_classes)
        assert {finding.severity for finding in found} <= {"warning"}
        return [(finding.file.rpartition("/")[2], finding.rule, finding.object, finding.message) for finding in found]

    return run


def rules(found):
    return [entry[:3] for entry in found]


def disk(bitmap, side=30, x=2, y=2):
    return bitmap(np.ones((side, side)), x, y, "disk")


def defect(bitmap, x, y, side=3, name="holes"):
    return bitmap(np.ones((side, side)), x, y, name)


def test_a_good_casting_with_a_defect(inbox, bitmap, said):
    inbox.supervisely("up/a/1.png", [disk(bitmap), defect(bitmap, 5, 5), defect(bitmap, 9, 9)], tags=[{"name": "good"}])
    inbox.supervisely("up/a/cast_ok_2.png", [disk(bitmap), defect(bitmap, 5, 5)])
    inbox.supervisely("up/a/3.png", [disk(bitmap)], tags=[{"name": "good"}])
    found = said(inbox)
    assert rules(found) == [("1.png", "ok-with-defect", "mask 2 (holes)"),
                            ("cast_ok_2.png", "ok-with-defect", "mask 2 (holes)")]
    assert found[0][3] == ("1.png: is tagged good but mask 2 (holes) is a defect, one of 2 (holes): delete the mask, "
                           "or say that the casting is bad")


def test_a_bad_casting_without_a_defect_and_a_tag_that_contradicts_the_name(inbox, bitmap, said):
    inbox.supervisely("up/a/1.png", [disk(bitmap)], tags=[{"name": "bad"}])
    inbox.supervisely("up/a/cast_def_0_2917.png", [disk(bitmap), defect(bitmap, 5, 5)], tags=[{"name": "good"}])
    assert rules(said(inbox)) == [("1.png", "bad-without-defect", "annotation"),
                                  ("cast_def_0_2917.png", "verdict-contradiction", "tags"),
                                  ("cast_def_0_2917.png", "ok-with-defect", "mask 2 (holes)")]


def test_two_parts_name_the_smaller_one(inbox, bitmap, said):
    inbox.supervisely("up/a/1.png", [disk(bitmap), disk(bitmap, 4, 40, 40)])
    assert said(inbox) == [("1.png", "two-parts", "mask 2 (disk)",
                            "1.png: has 2 parts; the smallest, mask 2 (disk), has 16 px: delete it if it is a slip of "
                            "the mouse")]


@pytest.mark.parametrize(("x", "expected"), [
    (31, []),   # half on the disk, which ends at x=31
    (34, []),   # two pixels between: outlines do not end on the pixel
    (35, ["mask 2 (holes)"]),
])
def test_a_defect_beside_the_part(inbox, bitmap, said, x, expected):
    inbox.supervisely("up/a/1.png", [disk(bitmap), defect(bitmap, x, 10)])
    assert [entry[2] for entry in said(inbox)] == expected
    assert {entry[1] for entry in said(inbox)} <= {"defect-off-part"}


def test_without_a_part_nothing_can_lie_off_it(inbox, bitmap, said):
    inbox.supervisely("up/a/1.png", [defect(bitmap, 50, 40)])
    assert said(inbox) == []


def test_what_nearly_all_have_is_missed_in_the_others(inbox, bitmap, said):
    for n in range(19):
        inbox.supervisely(f"up/a/{n:02d}.png", [disk(bitmap)], tags=[{"name": "good"}])
    inbox.supervisely("up/a/19.png", [])
    assert rules(said(inbox)) == [("19.png", "verdict-missing", "annotation"), ("19.png", "part-missing", "annotation")]


def test_what_many_lack_is_missed_in_none(inbox, bitmap, said):
    for n in range(20):
        objects, tags = ([disk(bitmap)], [{"name": "good"}]) if n % 4 else ([], [])
        inbox.supervisely(f"up/a/{n:02d}.png", objects, tags=tags)
    assert said(inbox) == []


def test_an_area_far_from_all_others(inbox, bitmap, said):
    """Given 24 defects of 4x4 to 6x6 px and one of 30x30, then only that one stands out: 900 is 36 times 25."""
    for n in range(24):
        inbox.supervisely(f"up/a/{n:02d}.png", [defect(bitmap, 5, 5, 4 + n % 3)])
    inbox.supervisely("up/a/24.png", [defect(bitmap, 5, 5, 30)])
    assert said(inbox) == [("24.png", "area-outlier", "mask 1 (holes)",
                            "24.png: mask 1 (holes) has 900 px, 36 times more than the median holes (25 px): check its "
                            "outline and its class")]


def test_a_misspelt_class_is_said_once_with_its_alias(inbox, bitmap, said):
    for n in range(4):
        inbox.good(f"up/a/{n}.png")
    for n in (5, 6):
        inbox.good(f"up/a/{n}.png", class_name="chiping")
    found = said(inbox)
    assert rules(found) == [("5.png", "class-misspelt", "mask 1 (chiping)")]
    assert found[0][3].endswith(
        "is one of 2 objects called 'chiping', which is nearly 'chipping', the class of 4 others: "
        'rename them, or write {"aliases": {"chiping": "chipping"}} into castline.json')


@pytest.mark.parametrize(("path", "expected"), [
    ("cast_ok_0_37.jpeg", "ok"), ("cast_def_0_1.jpeg", "bad"), ("NG-12.png", "bad"), ("IMG_0012.jpg", None),
    ("good_or_bad.png", None), ("broken.png", None), ("okay1.png", None)])
def test_words_in_names_of_files(path, expected):
    assert verdict_words.of_file(f"bad/{path}") == expected


@pytest.mark.parametrize(("folder", "expected"), [
    ("a/ok", "ok"), ("good_front", "ok"), ("not-ok", "bad"), ("def_front", "bad"), ("defect-free", "ok"),
    ("Defect free 2", "ok"), ("images", None)])
def test_words_in_names_of_folders(folder, expected):
    assert verdict_words.of_folder(folder) == expected


def test_all_known_traps_of_the_real_castings(shared, said):
    """Given 195 castings with the known slips of their labellers, then each is found, and little else is said."""
    found = said(shared / "casting")
    at = {(name, rule) for name, rule, _, _ in found}
    assert ("cast_def_0_1772.jpeg", "two-parts") in at
    assert ("cast_def_0_1772.jpeg", "area-outlier") in at
    assert ("cast_def_0_7275.jpeg", "verdict-missing") in at
    assert ("cast_def_0_9995.jpeg", "bad-without-defect") in at
    assert {name for name, rule in at if rule == "ok-with-defect"} == {
        f"cast_ok_0_{n}.jpeg" for n in (2351, 3138, 5548, 6418, 645)}
    assert Counter(rule for _, rule, _, _ in found) == {
        "ok-with-defect": 5, "defect-off-part": 3, "area-outlier": 3, "two-parts": 1, "bad-without-defect": 1,
        "verdict-missing": 1}
    small = next(entry for entry in found if entry[1] == "two-parts")
    assert "mask 5 (disk), has 434 px" in small[3]
