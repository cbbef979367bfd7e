"""The parts of the local SageMaker that need no process: requests, faults, events, checkpoints' mirror, records."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from app.embedded.children import Children
from app.embedded.sagemaker import shapes
from app.embedded.sagemaker.errors import ApiError
from app.embedded.sagemaker.events import detail
from app.embedded.sagemaker.faults import Fault, Faults
from app.embedded.sagemaker.store import Store
from app.embedded.sagemaker.transfers import Mirror
from app.embedded.settings import EmbeddedSettings, server_environment

from .conftest import BUCKET, wait_until


@pytest.mark.parametrize(("operation", "request_", "rule"), [
    ("DescribeTrainingJob", {}, "TrainingJobName"),
    ("DescribeTrainingJob", {"TrainingJobName": "a" * 64}, "length less than or equal to 63"),
    ("DescribeTrainingJob", {"TrainingJobName": "a_b"}, "regular expression pattern"),
    ("ListTrainingJobs", {"StatusEquals": "Sleeping"}, "enum value set"),
    ("ListTrainingJobs", {"MaxResults": 101}, "value less than or equal to 100"),
    ("ListTrainingJobs", {"MaxResult": 1}, "MaxResult"),
    ("AddTags", {"ResourceArn": "arn:aws:sagemaker:us-east-1:000000000000:model/m",
                 "Tags": [{"Key": "k", "Value": "v" * 257}]}, r"'Tags\.1\.member\.Value'"),
])
def test_request_that_breaks_the_service_model_is_refused(operation, request_, rule):
    with pytest.raises(ApiError, match=rule) as refused:
        shapes.check_request(operation, request_)
    assert refused.value.code == "ValidationException"


def test_request_within_the_service_model_passes():
    shapes.check_request("ListTrainingJobs", {"StatusEquals": "Completed", "MaxResults": 100})


def test_answer_has_only_what_the_service_model_knows():
    record = {"EndpointName": "e", "EndpointStatus": "InService", "_name": "e", "Nonsense": 1,
              "ProductionVariants": [{"VariantName": "all", "Nonsense": 1}]}
    assert shapes.project("DescribeEndpoint", record) == {
        "EndpointName": "e", "EndpointStatus": "InService", "ProductionVariants": [{"VariantName": "all"}]}


def test_fault_hits_the_job_it_names_as_often_as_ordered():
    faults = Faults()
    faults.add(Fault("capacity", r"train-\d$", times=2))
    assert faults.take("prepare-1", "capacity") is None
    assert faults.take("train-1", "quota") is None
    assert [faults.take(f"train-{i}", "capacity", "internal") for i in (1, 2, 3)] == ["capacity", "capacity", None]


@pytest.mark.parametrize(("changes", "error"), [
    ({"kind": "flood"}, "must be one of"), ({"times": 0}, "at least 1"), ({"job": "("}, "unterminated"),
])
def test_impossible_fault_is_refused(changes, error):
    with pytest.raises(Exception, match=error):
        Fault(**{"kind": "capacity", "job": "x", **changes})


def test_event_of_an_endpoint_spells_the_status_and_the_time_as_sagemaker_does():
    record = {"_kind": "Endpoint", "EndpointName": "e", "EndpointStatus": "InService", "CreationTime": 1700000000.5}
    assert detail(record) == {"EndpointName": "e", "EndpointStatus": "IN_SERVICE", "CreationTime": 1700000000500}


def test_records_outlive_the_store(tmp_path: Path):
    store = Store(tmp_path)
    record = {"ModelName": "a/b"}
    assert store.add("Model", "a/b", record)
    assert not store.add("Model", "a/b", {})
    store.change(record, Tags=[{"Key": "k", "Value": "v"}], Gone=None)
    again = Store(tmp_path).get("Model", "a/b")
    assert again is not None
    assert again["Tags"] == [{"Key": "k", "Value": "v"}]
    Store(tmp_path).remove(again)
    assert Store(tmp_path).all("Model") == []


def test_mirror_follows_changes_and_deletions_but_sends_nothing_twice(local, tmp_path: Path):
    local.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    (folder / "restored").write_text("from S3")
    mirror = Mirror(local.s3, folder, f"s3://{BUCKET}/run/checkpoints/")
    (folder / "new").write_text("1")
    mirror.push()
    assert local.objects("run/") == ["run/checkpoints/new"]
    (folder / "new").write_text("second")
    mirror.push()
    assert local.text("run/checkpoints/new") == "second"
    mirror.push()
    assert len(local.s3.list_object_versions(Bucket=BUCKET, Prefix="run/")["Versions"]) == 2
    (folder / "new").unlink()
    mirror.push()
    assert local.objects("run/") == []


def test_left_over_child_is_ended_but_not_a_stranger_with_its_number(tmp_path: Path):
    children = Children(tmp_path / "children")
    ours = children.start([sys.executable, "-c", "import time; time.sleep(600)"], cwd=tmp_path, environment={})
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        (tmp_path / "children" / str(stranger.pid)).write_text("1.0")
        assert Children(tmp_path / "children").end_leftovers() == 1
        wait_until(lambda: ours.poll() is not None)
        assert psutil.pid_exists(stranger.pid)
        assert list((tmp_path / "children").iterdir()) == []
    finally:
        stranger.kill()
        stranger.wait()
        assert ours.stdout is not None
        ours.stdout.close()


@pytest.mark.parametrize(("minute", "lasts"), [(None, 5.0), ("60", 300.0), ("0.5", 2.5)])
def test_waits_of_aws_are_shortened_as_the_environment_says(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, minute: str | None, lasts: float):
    """Given a minute that lasts a second unless said otherwise, when AWS waits 300 s, then five minutes pass here."""
    monkeypatch.delenv("CASTLINE_MINUTE_SECONDS", raising=False)
    if minute:
        monkeypatch.setenv("CASTLINE_MINUTE_SECONDS", minute)
    assert EmbeddedSettings(tmp_path, 4999).shortened(300) == lasts


def test_settings_of_the_caller_do_not_leak_into_the_server(tmp_path: Path):
    given = {"AWS_PROFILE": "production", "AWS_SESSION_TOKEN": "secret", "PATH": "/bin"}
    environment = server_environment(EmbeddedSettings(tmp_path, 4999), given)
    assert "AWS_PROFILE" not in environment
    assert "AWS_SESSION_TOKEN" not in environment
    assert (environment["PATH"], environment["BIND_HOST"]) == ("/bin", "127.0.0.1")
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4999"
