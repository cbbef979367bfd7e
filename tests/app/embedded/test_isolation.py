"""A container that is isolated from the network gets no credentials and no address: it can reach nothing of AWS."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import Local
from .test_processing import process

TELL_ALL = "{name: value for name, value in os.environ.items() if name.startswith('AWS_')}"


def seen(text: str) -> dict[str, Any]:
    return json.loads(text)


@pytest.mark.parametrize("isolated", [True, False])
def test_given_an_isolated_training_job_when_it_runs_then_it_knows_no_credentials(
    local: Local, monkeypatch: pytest.MonkeyPatch, isolated: bool
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of whoever started the embedded AWS")
    local.program("train", f"(root / 'checkpoints/seen.json').write_text(json.dumps({TELL_ALL}))")
    local.train(EnableNetworkIsolation=isolated)
    assert local.trained()["TrainingJobStatus"] == "Completed"
    told = seen(local.text("checkpoints/job/seen.json"))
    assert ("AWS_ACCESS_KEY_ID" in told, "AWS_ENDPOINT_URL" in told) == (not isolated, not isolated)
    assert "AWS_SESSION_TOKEN" not in told
    assert told["AWS_REGION"]


def test_given_an_isolated_processing_job_when_it_asks_an_sdk_for_credentials_then_there_are_none(local: Local) -> None:
    local.program("prepare", """
        import botocore.session
        found = botocore.session.get_session().get_credentials()
        (root / "processing/output/result").write_text(json.dumps(found is None))
        """)
    assert process(local, NetworkConfig={"EnableNetworkIsolation": True})["ProcessingJobStatus"] == "Completed"
    assert seen(local.text("out/result")) is True
