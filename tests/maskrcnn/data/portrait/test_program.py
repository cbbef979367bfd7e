"""The program from a prepared folder to numbers and page: complete, self-contained, and without TensorFlow."""

from __future__ import annotations

import html.parser
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from maskrcnn.data.local import prepare_folder
from maskrcnn.data.portrait import __main__ as program
from maskrcnn.data.portrait import sources
from maskrcnn.data.portrait.sources import open_source
from maskrcnn.program import JobError

from app.contracts import documents, keys
from app.contracts.dataset import DatasetHead
from app.contracts.portrait import Portrait

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
ROOT = Path(__file__).parents[4]
NASTY = "<b>ho&les"


@pytest.fixture
def uploads(inbox, bitmap):
    """Twelve photographs of 64 x 48: nine with a hole of 6 x 3 px, three of them with a disk, three with nothing."""
    for number in range(12):
        objects = [] if number >= 9 else [bitmap(np.ones((3, 6)), 8 + number, 9, NASTY)]
        if number < 3:
            objects.append(bitmap(np.ones((40, 40)), 2, 2, "disk"))
        inbox.supervisely(f"up/ds/cast_{number}.png", objects, tags=[{"name": "seen", "value": None}])
    return inbox.root


@pytest.fixture
def prepared(uploads, tmp_path):
    return prepare_folder(uploads, tmp_path / "bucket"), tmp_path / "bucket"


class Page(html.parser.HTMLParser):
    """What a page asks for and shows."""

    def __init__(self, text):
        super().__init__()
        self.images, self.addresses, self.tags, self.words = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Note addresses and pictures."""
        values = dict(attrs)
        self.tags.append(tag)
        if tag == "img":
            self.images.append(values)
        self.addresses += [v for k, v in attrs if k in ("src", "href", "srcset", "data", "action")]

    def handle_data(self, data):
        """Note the text."""
        self.words.append(data)


def test_numbers_and_page_of_a_prepared_folder(prepared, tmp_path):
    result, bucket = prepared
    assert program.main([str(bucket), str(tmp_path / "out"), "--hyperparameters", '{"preset": "demo"}']) == 0

    portrait = documents.from_json(Portrait, (tmp_path / "out/portrait.json").read_bytes())
    assert (portrait.version, portrait.total_images, portrait.total_objects) == (result.version, 12, 12)
    assert portrait.images == result.images
    assert sum(portrait.background.values()) == 3
    by_name = {c.name: c for c in portrait.classes}
    assert (by_name[NASTY].total, by_name[NASTY].role, by_name[NASTY].small) == (9, "defect", 9)
    assert by_name[NASTY].longer_side_px.median == 6
    assert by_name[NASTY].aspect.median == 0.5
    assert (by_name["disk"].role, by_name["disk"].area_px.median) == ("part", 1600)
    assert (portrait.tags, portrait.pixels.measured) == ({"seen": 12}, 12)
    assert (portrait.anchors.preset, portrait.anchors.short_edge_px) == ("demo", 512)
    # 64 x 48 at short edge 512 is 10.67 times as large, held back by nothing: 683 fits 768
    assert portrait.input.p10_at_training_px == pytest.approx(64, abs=0.01)
    assert portrait.input.suggested_short_edge_px == 512

    text = (tmp_path / "out/portrait.html").read_text()
    page = Page(text)
    assert page.addresses
    assert all(address.startswith("data:image/") for address in page.addresses)
    assert not {"script", "link", "iframe"} & set(page.tags)
    assert "url(" not in text
    assert "@import" not in text
    assert all(image["alt"].strip() for image in page.images)
    assert NASTY in "".join(page.words)
    assert NASTY not in text
    assert "12 images, 12 labelled objects" in " ".join("".join(page.words).split())


def test_a_sample_of_the_pixels_and_all_of_the_labels(prepared, tmp_path):
    """Given room for half of the images, then those whose hash lies in the lower half are decoded, and no other."""
    _, bucket = prepared
    assert program.main([str(bucket), str(tmp_path / "out"), "--images", "6"]) == 0
    portrait = json.loads((tmp_path / "out/portrait.json").read_text())
    members = [member for member, _, _ in open_source(str(bucket), "", tmp_path).stream(lambda _m: False)]
    assert portrait["pixels"]["measured"] == sum(int(m.image_sha256[:8], 16) < 16**8 / 2 for m in members) < 12
    assert sum(c["instances"]["train"] for c in portrait["classes"]) > 0
    assert sum(sum(c["instances"].values()) for c in portrait["classes"]) == 12


def test_images_are_loaded_only_a_few_ahead(prepared, tmp_path, monkeypatch):
    """Given room for two, then no more than two labels were read beyond those that were asked for."""
    monkeypatch.setattr(sources, "_AHEAD", 2)
    source, read = open_source(str(prepared[1]), "", tmp_path), []
    label = type(source).label
    monkeypatch.setattr(type(source), "label", lambda self, member: read.append(member) or label(self, member))
    taken = 0
    for taken, _ in enumerate(source.stream(lambda _m: False), start=1):
        assert len(read) <= taken + 2
    assert taken == len(read) == 12


def test_tensorflow_stays_out_of_it(prepared, tmp_path):
    code = ("import sys; from maskrcnn.data.portrait.__main__ import main; "
            f"status = main([{str(prepared[1])!r}, {str(tmp_path / 'out')!r}]); "
            "sys.exit(status or 10 * ('tensorflow' in sys.modules))")
    done = subprocess.run([sys.executable, "-c", code], check=False,  # noqa: S603 - our own program
                          capture_output=True, text=True,
                          env={"PYTHONPATH": f"{ROOT}:{ROOT / 'training_container'}", "PATH": ""})
    assert done.returncode == 0, done.stderr


def test_labels_as_the_tool_wrote_them_are_prepared_on_the_fly(uploads, tmp_path):
    assert program.main([str(uploads), str(tmp_path / "out")]) == 0
    assert documents.from_json(Portrait, (tmp_path / "out/portrait.json").read_bytes()).total_objects == 12
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "inbox") == ["out"]


def test_versions_by_name_and_by_head(prepared, tmp_path):
    result, bucket = prepared
    assert open_source(str(bucket), result.version, tmp_path).manifest.version == result.version
    (bucket / keys.DATASET_HEAD).write_text(documents.to_json(DatasetHead("0" * 16, "run", "now")))
    with pytest.raises(JobError, match=r"0000000000000000.*name a version that was published"):
        open_source(str(bucket), "", tmp_path)


@pytest.mark.parametrize(("name", "sentence"), [
    ("nowhere", "nowhere: no such folder or archive"),
    ("notes.txt", "notes.txt: neither a folder nor a zip or tar"),
])
def test_what_cannot_be_looked_at(tmp_path, caplog, name, sentence):
    (tmp_path / "notes.txt").write_text("x")
    assert program.main([str(tmp_path / name), str(tmp_path / "out")]) == 1
    assert sentence in caplog.text


def test_the_real_castings(shared, tmp_path):
    """Given 195 castings, then nearly all defects are small, and the second disk of cast_def_0_1772 is shown."""
    assert program.main([str(shared / "casting"), str(tmp_path / "out")]) == 0
    portrait = documents.from_json(Portrait, (tmp_path / "out/portrait.json").read_bytes())
    by_name = {c.name: c for c in portrait.classes}
    assert {name: c.total for name, c in by_name.items()} == {
        "chipping": 521, "deburring": 316, "disk": 196, "holes": 83}
    assert (by_name["chipping"].small, by_name["holes"].small) == (514, 83)
    assert {n: c.longer_side_px.median for n, c in by_name.items()} == {
        "chipping": 17, "deburring": 60.5, "disk": 442, "holes": 20}
    assert portrait.anchors.suggested.recall50 > portrait.anchors.configured.recall50 + 0.1
    text = (tmp_path / "out/portrait.html").read_text()
    assert "cast_def_0_1772" in text
    assert len(text) < 5_000_000
