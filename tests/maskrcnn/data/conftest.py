"""Builders of tiny uploads in the formats of the labelling tools."""

from __future__ import annotations

import base64
import io
import json
import zlib
from pathlib import Path

import numpy as np
import pytest
from maskrcnn.data import archives
from maskrcnn.data.local import LocalStore
from maskrcnn.data.members import read_members
from maskrcnn.data.pipeline import Order, prepare
from maskrcnn.data.reading import read_uploads
from maskrcnn.data.scratch import Scratch
from maskrcnn.data.tree import UploadTree
from PIL import Image
from pycocotools import mask as coco_mask

from app.contracts import documents, keys
from app.contracts.dataset import Finding, LabelRecord, VersionManifest
from app.contracts.settings import DataSettings

SHARED = Path(__file__).parents[3].parent / "shared/data"


def picture_bytes(seed=0, width=64, height=48, kind="PNG", mode="RGB"):
    rng = np.random.default_rng(seed)
    image = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).convert(mode)
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


def bitmap_object(mask, x, y, class_name):
    """A Supervisely bitmap object, encoded as the tool's documentation says."""
    image = Image.fromarray(np.asarray(mask, np.uint8))
    image.putpalette([0, 0, 0, 255, 255, 255])
    stream = io.BytesIO()
    image.save(stream, "PNG", transparency=0, optimize=0)
    data = base64.b64encode(zlib.compress(stream.getvalue())).decode()
    return {"classTitle": class_name, "geometryType": "bitmap", "tags": [],
            "bitmap": {"data": data, "origin": [x, y]}}


class Inbox:
    """A folder that stands for the inbox, filled by the labelling tools' conventions."""

    def __init__(self, root):
        self.root = root
        root.mkdir()

    def put(self, path, content):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())

    def supervisely(self, image, objects=(), *, body=None, size=(64, 48), tags=(), seed=None):
        """`image` is <upload>/<data set>/<name>; without a body a picture that its name decides is drawn."""
        folder, _, name = image.rpartition("/")
        if body is None:
            body = picture_bytes(zlib.crc32(name.encode()) if seed is None else seed, *size)
        self.put(f"{folder}/img/{name}", body)
        self.put(f"{folder}/ann/{name}.json", {
            "description": "", "tags": list(tags), "size": {"width": size[0], "height": size[1]},
            "objects": list(objects)})

    def good(self, image, class_name="chipping", **more):
        """A picture with one 3x3 bitmap."""
        self.supervisely(image, [bitmap_object(np.ones((3, 3)), 5, 6, class_name)], **more)

    def fill(self, count=20, upload="up", **more):
        """So many good pictures."""
        for n in range(count):
            self.good(f"{upload}/ds/{upload}_{n:02d}.png", **more)


class TakenIn:
    """What came of an inbox: its findings, and the label record of each image by the image's path."""

    def __init__(self, root, scratch):
        tree, refused = archives.unpack(UploadTree.of_folder(root), scratch / "unpacked")
        kept = Scratch(scratch / "scratch")
        self.intake = read_uploads(tree, (), kept)
        self.refused = [item.finding for item in refused]
        self.formats = self.intake.formats
        self.findings = self.intake.findings
        self.records = {item.path: kept.read_label(item.label_sha256) for item in self.intake.accepted.values()}

    def objects(self, image):
        """(class, bounding box, has a mask) of each object of an image."""
        return [(i.class_name, i.bbox, i.mask is not None) for i in self.records[image].instances]

    def masks(self, image):
        """(class, boolean mask) of each object of an image."""
        return [(i.class_name, coco_mask.decode({"size": list(i.mask.size), "counts": i.mask.counts}).astype(bool))
                for i in self.records[image].instances]

    def messages(self):
        """What was said, in order."""
        return [finding.message for finding in self.findings]


@pytest.fixture
def take_in(tmp_path_factory):
    """Reads an inbox, or any folder of uploads, to the end of the checks."""
    return lambda inbox: TakenIn(inbox.root if isinstance(inbox, Inbox) else inbox, tmp_path_factory.mktemp("scratch"))


@pytest.fixture
def inbox(tmp_path):
    return Inbox(tmp_path / "inbox")


class Bench:
    """Runs prepare against one local bucket, again and again."""

    def __init__(self, folder):
        self.folder, self.store, self.runs = folder, LocalStore(folder / "bucket"), 0

    def run(self, inbox, parent=None, modified=None, **settings):
        self.runs += 1
        self.output = self.folder / f"output{self.runs}"
        tree = UploadTree.of_folder(inbox.root)
        if modified:
            tree = UploadTree(inbox.root, {p: modified[p.split("/")[0]] for p in tree.paths})
        order = Order(f"run{self.runs}", parent, DataSettings(**settings))
        return prepare(order, tree, self.store, self.folder / f"work{self.runs}", self.output)

    def manifest(self, version):
        return documents.from_json(VersionManifest, self.store.read(keys.version_manifest(version)))

    def members(self, version):
        return list(read_members(self.store, version))

    def label(self, member):
        return documents.from_json(LabelRecord, self.store.read(keys.label(member.label_sha256)))

    def findings(self):
        plain = json.loads((self.output / "findings.json").read_text())
        return [documents.from_plain(Finding, entry) for entry in plain]

    def report(self, name="report.json"):
        return self.store.read(keys.quarantine(f"run{self.runs}", name)).decode()


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


@pytest.fixture
def picture():
    return picture_bytes


@pytest.fixture
def bitmap():
    return bitmap_object


@pytest.fixture
def shared():
    """The folder with real samples; it is no part of the repository."""
    if not SHARED.is_dir():
        pytest.skip(f"real samples are not at {SHARED}")
    return SHARED
