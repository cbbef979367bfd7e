"""up, down and status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.embedded import control
from app.embedded.settings import EmbeddedError

FIRST, SECOND = "20261121-070000-aaaaaa", "20261121-080000-bbbbbb"


def test_up_says_where_it_is_and_what_comes_next(app, monkeypatch):
    ports = []

    def up(port=None):
        ports.append(port)
        return control.Running(1, 0.0, port or 4566, Path("/state"))

    monkeypatch.setattr(control, "up", up)

    assert app("up").stdout.splitlines() == [
        "The embedded AWS is up at http://127.0.0.1:4566; its state is in /state.", "Next: python -m app deploy"]
    assert "http://127.0.0.1:4577" in app("up", "--port", "4577").stdout
    assert ports == [None, 4577]


def test_up_twice_fails_with_the_reason(app, monkeypatch):
    def up(_port=None):
        raise EmbeddedError("the embedded AWS is up already at http://127.0.0.1:4566 (process 7)")

    monkeypatch.setattr(control, "up", up)

    result = app("up")

    assert result.exit_code == 1
    assert "is up already" in result.stderr


@pytest.mark.parametrize(("was_up", "said"), [
    (True, "The embedded AWS is down; python -m app up brings it back."), (False, "It was not up.")])
def test_down_says_what_it_found(app, monkeypatch, was_up, said):
    monkeypatch.setattr(control, "down", lambda: was_up)

    result = app("down")

    assert (result.exit_code, result.stdout.strip()) == (0, said)


def test_status_of_a_fresh_deployment_names_the_next_step(app, cloud):
    result = app("status")

    assert result.exit_code == 0
    assert "local on the embedded AWS of this machine" in result.stdout
    assert "empty: python -m app upload FOLDER fills it" in result.stdout
    assert "castline-local: none" in result.stdout
    assert "nothing yet: the first promoted model will" in result.stdout


def test_status_as_json_tells_everything_at_once(app, cloud):
    cloud.champion(FIRST)
    cloud.lock(SECOND)
    cloud.sagemaker.status = "InService"
    for key in ("inbox/line-3/a.jpg", "inbox/line-3/a.json", "inbox/_READY", "inbox/line-3/"):
        cloud.put(key, b"x")

    said = json.loads(app("status", "--json").stdout)

    assert said == {
        "environment": "local", "embedded": True, "bucket": "castings", "endpoint": "castline-local",
        "endpoint_status": "InService", "champion": FIRST, "champion_since": "2026-11-21T07:00:00+00:00",
        "champion_mask_ap": 0.5, "champion_rolled_back_from": None, "previous_champion": None,
        "active_run": SECOND, "active_reason": "", "approval": None, "approval_until": None,
        "waiting": 2, "ready": True, "console_url": ""}
