"""castline.json: forces a format, speaks for its folder and below, and is refused when it cannot be understood."""

from __future__ import annotations

import json

from maskrcnn.data.notes import with_notes
from maskrcnn.data.tree import UploadTree

from app.contracts.uploads import LABEL_FORMATS


def coco(name):
    return {"images": [{"id": 1, "file_name": name, "width": 64, "height": 48}], "categories": [{"id": 1, "name": "c"}],
            "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 30, 20], "segmentation": []}]}


def test_the_told_format_is_the_only_one_read(inbox, picture, take_in, caplog):
    """Given COCO and YOLO labels of one image, then the note decides and the other labels are said to be unused."""
    caplog.set_level("INFO")
    inbox.put("up/a.png", picture())
    inbox.put("up/a.txt", b"0 .5 .5 .25 .5\n")
    inbox.put("up/coco.json", coco("a.png"))
    inbox.put("up/castline.json", {"format": "yolo", "classes": {"0": "holes"}})
    taken = take_in(inbox)
    assert taken.formats == ("yolo",)
    assert taken.objects("up/a.png") == [("holes", (24.0, 12.0, 16.0, 24.0), False)]
    assert [(f.rule, f.file) for f in taken.findings] == [("file-unused", "up/coco.json")]
    assert "as castline.json says yolo: up/a.txt" in caplog.text


def test_the_nearest_note_wins_and_others_uploads_are_recognised(inbox, picture, take_in):
    for seed, folder in enumerate(("up/one", "up/two", "other")):
        inbox.put(f"{folder}/a.png", picture(seed))
        inbox.put(f"{folder}/coco.json", coco("a.png"))
        inbox.put(f"{folder}/a.txt", b"1\n1 2 3 4\n")
    inbox.put("up/castline.json", {"format": "coco"})
    inbox.put("up/two/castline.json", {"format": "bbox-label-tool", "class_name": "dog"})
    taken = take_in(inbox)
    assert taken.objects("up/one/a.png")[0][0] == "c"
    assert taken.objects("up/two/a.png")[0][0] == "dog"
    assert "other/a.png" in taken.records
    assert taken.formats == ("bbox-label-tool", "coco")


def test_a_format_that_is_not_there_is_told(inbox, picture, take_in):
    inbox.put("up/a.png", picture())
    inbox.put("up/coco.json", coco("a.png"))
    inbox.put("up/castline.json", {"format": "voc"})
    taken = take_in(inbox)
    assert (taken.findings[0].rule, taken.findings[0].message) == (
        "format-not-found", "castline.json: says format voc, but no file below it is that: correct the format, or "
                            "delete the note")
    assert {f.rule for f in taken.findings} == {"format-not-found", "image-without-label", "file-unused"}


def test_what_lies_below_a_note_that_cannot_be_read_goes_to_quarantine(inbox, picture, take_in):
    inbox.good("other/ds/a.png")
    inbox.put("up/a.png", picture())
    inbox.put("up/coco.json", coco("a.png"))
    inbox.put("up/castline.json", {"format": "word"})
    taken = take_in(inbox)
    (told,) = taken.findings
    assert "castline.json: UploadNote.format: 'word' is not one of 'supervisely', " in told.message
    assert taken.intake.rejected == [("up/a.png", "up/castline.json", "up/coco.json")]
    assert list(taken.records) == ["other/ds/img/a.png"]


def test_every_format_of_the_contract_has_one_reader():
    from maskrcnn.data.importers import IMPORTERS, LAST_RESORT

    assert sorted(importer.name for importer in (*IMPORTERS, *LAST_RESORT)) == sorted(LABEL_FORMATS)


def test_a_note_in_the_inbox_itself_holds_for_all(inbox):
    inbox.put("castline.json", json.dumps({"class_name": "dog"}).encode())
    tree, rejected = with_notes(UploadTree.of_folder(inbox.root))
    assert (tree.note("any/folder").class_name, tree.paths, rejected) == ("dog", (), [])


def test_masks_beside_another_told_format_are_only_unused(inbox, picture, take_in):
    """Given masks of the same names as the photographs, then COCO finds the photographs and the masks are no fault."""
    inbox.put("up/images/a.png", picture(1))
    inbox.put("up/masks/a.png", picture(2))
    inbox.put("up/coco.json", coco("a.png"))
    inbox.put("up/castline.json", {"format": "coco"})
    taken = take_in(inbox)
    assert taken.objects("up/images/a.png") == [("c", (1.0, 2.0, 30.0, 20.0), False)]
    assert [(f.rule, f.file, f.severity) for f in taken.findings] == [("file-unused", "up/masks/a.png", "warning")]
    assert taken.intake.faults == 0


def test_json_nested_without_end_stops_nothing(inbox, take_in):
    inbox.good("up/ds/a.png")
    inbox.put("up/deep/img/a.json", b"[" * 200_000)
    inbox.put("up/deep/ann/a.json", b"[" * 200_000)
    taken = take_in(inbox)
    assert list(taken.records) == ["up/ds/img/a.png"]
    assert {f.rule for f in taken.findings} == {"annotation-unreadable"}
