"""The embedded AWS as a real process: up, twice, port taken, down, up again with everything still there."""

from __future__ import annotations

import socket

import boto3
import pytest

from app.embedded import control
from app.embedded.settings import ACCESS_KEY, REGION, SECRET_KEY, EmbeddedError


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def client(running: control.Running, service: str):
    return boto3.client(service, endpoint_url=running.endpoint_url, region_name=REGION,
                        aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY)


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    folder = tmp_path_factory.mktemp("aws")
    yield folder
    control.down(folder)


def test_life_of_an_embedded_aws(state):
    """Given nothing, when it goes up, twice, down and up again, then its state outlives it and mistakes are told."""
    assert control.status(state) is None
    running = control.up(free_port(), state)
    assert control.status(state) == running
    client(running, "s3").create_bucket(Bucket="kept")
    client(running, "sagemaker").create_model_package_group(ModelPackageGroupName="kept")
    with pytest.raises(EmbeddedError, match="is up already"):
        control.up(running.port, state)
    with pytest.raises(EmbeddedError, match="taken by another program"):
        control.up(running.port, state / "another")
    assert control.down(state)
    assert control.status(state) is None
    assert not control.down(state)
    again = control.up(running.port, state)
    assert [b["Name"] for b in client(again, "s3").list_buckets()["Buckets"]] == ["kept"]
    groups = client(again, "sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"]
    assert [g["ModelPackageGroupName"] for g in groups] == ["kept"]


def test_it_listens_on_loopback_only(state):
    running = control.status(state) or control.up(free_port(), state)
    with socket.socket() as probe:
        probe.settimeout(2)
        address = socket.gethostbyname(socket.gethostname())
        if address.startswith("127."):
            pytest.skip("this machine has no other address than loopback")
        assert probe.connect_ex((address, running.port)) != 0
