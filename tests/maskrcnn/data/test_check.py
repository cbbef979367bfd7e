"""A check says what prepare would say, changes nothing, and draws each finding."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import zipfile

import pytest
from maskrcnn.data.check import check_uploads, main
from maskrcnn.data.local import prepare_folder

from app.contracts.settings import DataSettings
from app.contracts.uploads import UploadNote

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def fingerprints(folder):
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def spoil(inbox, picture, bitmap):
    """A set with one outside mask, one broken photograph, one label alone and one tiny mask, among 60 good images."""
    for n in range(60):
        inbox.good(f"up/ds/{n:02d}.png")
    inbox.supervisely("up/ds/outside.png", [bitmap([[1] * 8], 60, 3, "chipping")])
    inbox.good("up/ds/broken.jpg", body=picture(99, kind="JPEG")[:-300])
    inbox.supervisely("up/ds/tiny.png", [bitmap([[1, 1]], 5, 5, "chipping")])
    inbox.put("up/ds/ann/alone.png.json", {"size": {"width": 64, "height": 48}, "objects": []})


@pytest.fixture
def spoilt(inbox, picture, bitmap):
    spoil(inbox, picture, bitmap)
    return inbox


def found(folder):
    return json.loads((folder / "findings.json").read_text())


def test_the_findings_are_those_of_prepare(spoilt, tmp_path):
    before = fingerprints(spoilt.root)
    result = check_uploads(spoilt.root / "up", tmp_path / "out")
    prepare_folder(spoilt.root, tmp_path / "bucket")
    assert found(tmp_path / "out") == found(tmp_path / "bucket/output")
    assert {(f["severity"], f["rule"]) for f in found(tmp_path / "out")} == {
        ("error", "mask-outside-image"), ("error", "image-truncated"), ("error", "label-without-image"),
        ("warning", "mask-tiny")}
    assert (result.images, result.rejected, result.errors, result.warnings) == (61, 3, 3, 1)
    assert fingerprints(spoilt.root) == before


def test_prepare_leaves_table_and_page_in_its_run(spoilt, tmp_path):
    prepare_folder(spoilt.root, tmp_path / "bucket")
    output = tmp_path / "bucket/output"
    rows = list(csv.DictReader((output / "findings.csv").read_text().splitlines()))
    assert rows == found(output)
    assert "mask-outside-image" in (output / "findings.html").read_text()


def test_the_page_is_one_file_with_a_picture_of_each_finding(spoilt, tmp_path):
    check_uploads(spoilt.root / "up", tmp_path / "out")
    page = (tmp_path / "out/findings.html").read_text()
    assert re.findall(r'(?:src|href)="(?!data:|#)', page) == []
    figures = {re.search("<small>(.*?)</small>", f)[1]: f for f in re.findall("<figure>.*?</figure>", page, re.S)}
    assert set(figures) == {f["file"] for f in found(tmp_path / "out")}
    drawn = {path.rpartition("/")[2] for path, figure in figures.items() if "data:image/jpeg;base64," in figure}
    assert drawn == {"outside.png", "tiny.png"}
    assert "3 errors, 1 warning<" in page


def test_a_name_that_looks_like_markup_is_text(inbox, bitmap, tmp_path):
    inbox.supervisely("up/ds/a.png", [bitmap([[1, 1]], 5, 5, "<script>alert(1)</script>")])
    check_uploads(inbox.root, tmp_path / "out")
    page = (tmp_path / "out/findings.html").read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_rule_of_a_thousand_findings_shows_some_lists_more_and_says_the_rest(inbox, bitmap, tmp_path):
    """Given 1000 tiny masks, then 60 are drawn, 500 are listed, and the page says that 440 are in the table only."""
    for n in range(40):
        inbox.supervisely(f"up/ds/{n:02d}.png", [bitmap([[1]], x, 3, "holes") for x in range(10, 60, 2)])
    result = check_uploads(inbox.root, tmp_path / "out")
    page = (tmp_path / "out/findings.html").read_text()
    assert result.warnings == 1000
    assert (page.count("<figure>"), page.count("<li>"), "440 more are in" in page) == (60, 500, True)
    assert len(page) < 2_000_000


def test_an_archive_a_note_and_settings(inbox, picture, bitmap, tmp_path):
    """Given boxes without a class in a zip, then the class that is said on the command line is theirs."""
    archive = tmp_path / "old.zip"
    with zipfile.ZipFile(archive, "w") as bundle:
        for n in range(2):
            bundle.writestr(f"images/{n}.png", picture(n))
            bundle.writestr(f"labels/{n}.txt", "1\n3 4 20 30\n")
    note = UploadNote("bbox-label-tool", "chipping")
    result = check_uploads(archive, tmp_path / "out", DataSettings(classes=("chipping",)), note)
    assert (result.images, result.errors, result.formats) == (2, 0, ("bbox-label-tool",))
    result = check_uploads(archive, tmp_path / "out", DataSettings(classes=("holes",)), note)
    assert (result.images, {f["rule"] for f in found(tmp_path / "out")}) == (0, {"unknown-class"})


def test_the_program(spoilt, tmp_path, caplog):
    caplog.set_level("INFO")
    assert main([str(spoilt.root), str(tmp_path / "out"), "--settings", '{"part_classes": ["disk"]}']) == 0
    assert "61 images are used; 3 errors, 1 warnings" in caplog.text
