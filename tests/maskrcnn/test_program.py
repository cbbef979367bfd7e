"""The frame around every container program."""

from __future__ import annotations

import json

import pytest
from maskrcnn.programs import prepare

from app.contracts.jobs import ML_ROOT_VARIABLE


def test_a_job_without_its_document_says_so(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ML_ROOT_VARIABLE, str(tmp_path))
    assert prepare.main() == 1
    failure = json.loads((tmp_path / "output/failure").read_text())
    assert failure["code"] == "CONFIG_INVALID"
    assert "missing: start the job with this input" in failure["message"]
