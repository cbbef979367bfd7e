"""upload: everything or nothing, the marker last."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from boto3.exceptions import S3UploadFailedError

from app.cli.inbox import skipped
from app.contracts import documents
from app.contracts.uploads import UploadNote

RUN = "20261121-080000-bbbbbb"


@pytest.fixture
def folder(tmp_path):
    """A small data set, with things beside it that are none."""
    root = tmp_path / "line 3"
    for name in ("ds/img/a.jpeg", "ds/img/b.PNG", "ds/ann/a.jpeg.json", "ds/ann/b.PNG.json", "meta.json",
                 "notes.pdf", "more.pdf", "LICENSE", ".git/a.jpeg", "ds/.DS_Store"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    return root


def test_files_go_below_the_uploads_name_and_the_marker_says_complete(app, cloud, folder):
    result = app("upload", folder, "--name", "line-3")

    assert result.exit_code == 0, result.stderr
    assert cloud.stored() == sorted([
        "inbox/_READY", "inbox/line-3/ds/ann/a.jpeg.json", "inbox/line-3/ds/ann/b.PNG.json",
        "inbox/line-3/ds/img/a.jpeg", "inbox/line-3/ds/img/b.PNG", "inbox/line-3/meta.json"])
    stored = cloud.s3.get_object(Bucket="castings", Key="inbox/line-3/ds/img/a.jpeg")
    assert (stored["Body"].read(), stored["ContentType"]) == (b"ds/img/a.jpeg", "image/jpeg")
    assert result.stdout.splitlines() == [
        "Uploaded 2 images and 3 label files (0.0 MB) as line-3.",
        "Left alone, not a supported kind: 2 .pdf (more.pdf, ...), 1 without suffix (LICENSE).",
        "A run starts by itself: python -m app watch"]


def test_the_marker_goes_last(app, cloud, folder):
    order = []
    cloud.s3.meta.events.register("before-call.s3.PutObject", lambda params, **_: order.append(params["url_path"]))

    app("upload", folder)

    assert len(order) == 6
    assert order[-1].endswith("inbox/_READY")


def test_without_ready_a_run_waits_for_a_quiet_inbox(app, cloud, folder):
    result = app("upload", folder, "--no-ready")

    assert len(cloud.stored()) == 5
    assert "inbox/_READY" not in cloud.stored()
    assert "A run starts when the inbox is quiet, or now with python -m app run." in result.stdout


def test_what_labels_do_not_say_goes_beside_them(app, cloud, folder):
    result = app("upload", folder, "--name", "x", "--format", "bbox-label-tool", "--class", "chipping", "--no-ready")

    assert result.exit_code == 0, result.stderr
    note = cloud.s3.get_object(Bucket="castings", Key="inbox/x/castline.json")["Body"].read()
    assert documents.from_json(UploadNote, note) == UploadNote("bbox-label-tool", "chipping")


def test_a_note_in_the_folder_is_uploaded_and_not_overruled(app, cloud, folder):
    (folder / "castline.json").write_text('{"format": "coco"}')

    assert app("upload", folder, "--name", "x", "--no-ready").exit_code == 0
    assert "inbox/x/castline.json" in cloud.stored()
    result = app("upload", folder, "--format", "voc")
    assert result.exit_code == 1
    assert "castline.json: says already how to read the upload: change it, or leave out --format and --class" in (
        " ".join(result.stderr.split()))


def test_an_unknown_format_is_refused(app, cloud, folder):
    result = app("upload", folder, "--format", "word")

    assert result.exit_code != 0
    assert "semantic-masks" in result.stderr
    assert cloud.stored() == []


def test_an_archive_is_uploaded_as_it_is(app, cloud, tmp_path):
    (tmp_path / "line 3.tar.gz").write_bytes(b"packed")

    result = app("upload", tmp_path / "line 3.tar.gz", "--no-ready")

    (key,) = cloud.stored()
    assert key.startswith("inbox/line-3-2")
    assert key.endswith("/line 3.tar.gz")
    assert result.stdout.startswith("Uploaded 0 images, 1 archives and 0 label files (0.0 MB) as line-3-2")


def test_the_name_is_made_of_the_folder_and_the_time(app, cloud, folder):
    said = json.loads(app("upload", folder, "--json").stdout)

    assert said["name"].startswith("line-3-20")
    assert said | {"name": "", "prefix": "", "bytes": 0} == {
        "name": "", "prefix": "", "images": 2, "archives": 0, "others": 3, "bytes": 0, "ready": True,
        "skipped": [str(folder / n) for n in ("LICENSE", "more.pdf", "notes.pdf")]}
    assert said["prefix"] == f"s3://castings/inbox/{said['name']}/"


def test_an_upload_that_breaks_leaves_no_marker(app, cloud, folder, monkeypatch):
    real = cloud.s3.upload_file

    def upload_file(path, *arguments, **options):
        if path.endswith("b.PNG"):
            raise S3UploadFailedError(f"Failed to upload {path}: connection lost")
        real(path, *arguments, **options)

    monkeypatch.setattr(cloud.s3, "upload_file", upload_file)

    result = app("upload", folder)

    assert result.exit_code == 1
    assert "connection lost" in result.stderr
    assert "inbox/_READY" not in cloud.stored()


@pytest.mark.parametrize(("make", "arguments", "message"), [
    (lambda p: None, [], "no such file or folder: check the spelling"),
    (lambda p: (p.mkdir(), (p / "a.json").touch()), [], "holds no photograph"),
    (lambda p: p.mkdir(), [], "holds no photograph"),
    (lambda p: (p.mkdir(), (p / "a.jpg").touch()), ["--name", "../x"], "has only letters, digits, dots and hyphens"),
])
def test_what_cannot_be_uploaded_is_refused_before_anything_is_sent(app, cloud, tmp_path, make, arguments, message):
    make(tmp_path / "data")

    result = app("upload", tmp_path / "data", *arguments)

    assert result.exit_code == 1
    assert message in result.stderr
    assert cloud.stored() == []


def test_watch_follows_the_run_that_the_upload_starts_and_no_older_one(app, cloud, record, folder):
    cloud.run(record("20261121-070000-aaaaaa", mask_ap=0.1))
    ask_for_lock, looks = cloud.dynamodb.get_item, []

    def get_item(**request):
        looks.append(request)
        if len(looks) == 3:  # the gate has noticed the marker meanwhile
            cloud.lock(RUN)
            cloud.states.looks[RUN] = [([], "SUCCEEDED")]
            cloud.put(f"runs/{RUN}/run.json", record(RUN, mask_ap=0.4))
        return ask_for_lock(**request)

    cloud.dynamodb.get_item = get_item

    result = app("upload", folder, "--watch")

    assert result.exit_code == 0, result.stderr
    assert f"Run {RUN}" in result.stdout
    assert "Mask AP 40.0" in " ".join(result.stdout.split())


def test_kinds_that_are_left_alone_are_counted_with_an_example():
    assert skipped((Path("a.pdf"), Path("b.PDF"), Path("LICENSE"))) == "2 .pdf (a.pdf, ...), 1 without suffix (LICENSE)"
