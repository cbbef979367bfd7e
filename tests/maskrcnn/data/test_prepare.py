"""The program prepare against S3: exact versions in, documents and objects out."""

from __future__ import annotations

import json
import shutil

import boto3
import pytest
from maskrcnn.programs import prepare
from maskrcnn.storage import ObjectNotFoundError, S3Store
from moto import mock_aws

from app.contracts import documents, jobs, keys
from app.contracts.dataset import PrepareResult, SnapshotEntry
from app.contracts.settings import DataSettings

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
BUCKET = "castings"


@pytest.fixture
def s3(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield client


@pytest.fixture
def job(s3, tmp_path, monkeypatch):
    """Uploads a folder, freezes it, and returns a function that runs the program on the snapshot."""
    monkeypatch.setenv(jobs.ML_ROOT_VARIABLE, str(tmp_path / "ml"))

    def freeze(root):
        entries = []
        for path in sorted(p for p in root.rglob("*") if p.is_file()):
            key = keys.INBOX + path.relative_to(root).as_posix()
            version = s3.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())["VersionId"]
            entries.append(SnapshotEntry(key, version, path.stat().st_size, "etag", "2026-01-01T00:00:00Z"))
        return entries

    def run(entries, parent=None):
        lines = "".join(documents.to_json(entry) + "\n" for entry in entries)
        s3.put_object(Bucket=BUCKET, Key=keys.snapshot("run1"), Body=lines.encode())
        document = tmp_path / "ml" / jobs.JOB_DOCUMENT
        document.parent.mkdir(parents=True, exist_ok=True)
        document.write_text(documents.to_json(
            jobs.PrepareJob("run1", BUCKET, keys.snapshot("run1"), parent, DataSettings())))
        return prepare.main()

    run.freeze = freeze
    return run


def failure(tmp_path):
    return json.loads((tmp_path / "ml/output/failure").read_text())


def test_a_snapshot_becomes_a_version(inbox, job, s3, tmp_path):
    for n in range(12):
        inbox.good(f"up/ds/{n}.png")
    assert job(job.freeze(inbox.root)) == 0
    result = documents.from_json(PrepareResult, (tmp_path / "ml/processing/output/result.json").read_bytes())
    assert (result.accepted, sum(result.images.values())) == (12, 12)
    store = S3Store(BUCKET, s3)
    assert store.exists(keys.version_manifest(result.version))
    assert len(list(store.keys("dataset/images/"))) == 12
    assert len(list(store.keys("dataset/labels/"))) == 12
    for split in ("train", "val", "test"):
        prefix, *names = json.loads(store.read(keys.version_channel(result.version, split)))
        assert prefix == {"prefix": f"s3://{BUCKET}/dataset/shards/"}
        assert names
        assert all(store.exists(keys.SHARDS + name) for name in names)
    assert not (tmp_path / "ml/processing/work").exists()


def test_an_archive_in_the_bucket_is_unpacked(inbox, job, tmp_path):
    for n in range(12):
        inbox.good(f"up/ds/{n}.png")
    shutil.make_archive(str(tmp_path / "packed/castings"), "zip", inbox.root / "up")
    assert job(job.freeze(tmp_path / "packed")) == 0
    result = documents.from_json(PrepareResult, (tmp_path / "ml/processing/output/result.json").read_bytes())
    assert (result.accepted, result.quarantined, result.formats) == (12, 0, ("supervisely",))


def test_the_frozen_version_is_read_not_the_newest(inbox, job, s3, tmp_path):
    """Given an image that is overwritten after the snapshot, then the run does not notice."""
    for n in range(5):
        inbox.good(f"up/ds/{n}.png")
    entries = job.freeze(inbox.root)
    s3.put_object(Bucket=BUCKET, Key="inbox/up/ds/img/0.png", Body=b"overwritten")
    assert job(entries) == 0
    assert json.loads((tmp_path / "ml/processing/output/findings.json").read_text()) == []


def test_the_newest_of_two_frozen_versions_of_a_key_counts(inbox, job, tmp_path):
    for n in range(5):
        inbox.good(f"up/ds/{n}.png")
    entries = job.freeze(inbox.root)
    stale = SnapshotEntry(entries[0].key, "gone", 1, "etag", "2025-01-01T00:00:00Z")
    assert job([*entries, stale]) == 0


def test_a_frozen_version_that_is_gone_fails_with_its_name(inbox, job, s3, tmp_path):
    inbox.good("up/ds/0.png")
    entries = job.freeze(inbox.root)
    s3.delete_object(Bucket=BUCKET, Key=entries[0].key, VersionId=entries[0].version_id)
    assert job(entries) == 1
    assert failure(tmp_path)["code"] == "DATA_INVALID"
    assert entries[0].key in failure(tmp_path)["message"]


def test_too_many_bad_items_fail_with_a_report_in_s3(inbox, job, s3, tmp_path, picture):
    inbox.put("up/a.png", picture())
    assert job(job.freeze(inbox.root)) == 1
    assert failure(tmp_path)["code"] == "DATA_TOO_MANY_BAD"
    report = json.loads(S3Store(BUCKET, s3).read(keys.quarantine("run1", "report.json")))
    assert [entry["rule"] for entry in report] == ["image-without-label"]
    assert S3Store(BUCKET, s3).read(keys.quarantine("run1", "up", "a.png")) == picture()


def test_names_that_no_file_can_have_are_told(inbox, job, s3, tmp_path):
    """Given keys that would leave the work folder or be file and folder at once, then they are bad items."""
    for n in range(60):
        inbox.good(f"up/ds/{n}.png")
    entries = job.freeze(inbox.root)
    for key in ("inbox/../../evil.png", "inbox/up/ds", "inbox/marker/"):
        version = s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")["VersionId"]
        entries.append(SnapshotEntry(key, version, 1, "etag", "2026-01-01T00:00:00Z"))
    assert job(entries) == 0
    report = json.loads(S3Store(BUCKET, s3).read(keys.quarantine("run1", "report.json")))
    assert {(entry["rule"], entry["file"]) for entry in report} == {
        ("name-unusable", "../../evil.png"), ("name-unusable", "up/ds")}
    assert not (tmp_path / "evil.png").exists()


def test_a_bad_job_document_is_a_configuration_error(job, tmp_path):
    document = tmp_path / "ml" / jobs.JOB_DOCUMENT
    document.parent.mkdir(parents=True)
    document.write_text('{"run_id": "r"}')
    assert prepare.main() == 1
    assert failure(tmp_path)["code"] == "CONFIG_INVALID"


def test_what_is_absent_is_said_so(s3, tmp_path):
    store = S3Store(BUCKET, s3)
    with pytest.raises(ObjectNotFoundError, match="s3://castings/nothing: not in the bucket"):
        store.read("nothing")
    with pytest.raises(ObjectNotFoundError, match="s3://castings/nothing"):
        store.download("nothing", tmp_path / "x")
    assert store.exists("nothing") is False
    assert list(store.keys("nothing")) == []


def test_what_is_written_is_read_listed_and_downloaded_by_version(s3, tmp_path):
    store = S3Store(BUCKET, s3)
    first = s3.put_object(Bucket=BUCKET, Key="a/1", Body=b"old")["VersionId"]
    store.write("a/1", b"new", "text/plain")
    (tmp_path / "file").write_bytes(b"file")
    store.upload("a/2", tmp_path / "file")
    store.download("a/1", tmp_path / "target", first)
    assert (store.read("a/1"), store.read("a/2"), (tmp_path / "target").read_bytes()) == (b"new", b"file", b"old")
    assert list(store.keys("a/")) == ["a/1", "a/2"]
    assert store.exists("a/2")
