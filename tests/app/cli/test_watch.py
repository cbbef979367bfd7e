"""watch: states, training, result, on a terminal and in a pipe."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from app.cli import lookup
from app.cli.watch import show_progress
from app.client.pipeline import PipelineError

FIRST, SECOND = "20261121-070000-aaaaaa", "20261121-080000-bbbbbb"
START = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)


def entered(number, name, second, kind="Task"):
    """A state begins."""
    return {"id": number, "type": f"{kind}StateEntered", "timestamp": START + timedelta(seconds=second),
            "stateEnteredEventDetails": {"name": name}}


def exited(number, name, second):
    """A state ends."""
    return {"id": number, "type": "TaskStateExited", "timestamp": START + timedelta(seconds=second),
            "stateExitedEventDetails": {"name": name}}


@pytest.fixture
def running(cloud, record):
    """A run that is watched from its first state to its end."""
    cloud.run(record(FIRST, mask_ap=0.4))
    events = [entered(1, "Claim", 0), exited(2, "Claim", 1), entered(3, "Known", 1, "Choice"), entered(4, "Train", 1),
              exited(5, "Train", 126)]
    cloud.states.looks[FIRST] = [(events[:1], "RUNNING"), (events[:4], "RUNNING"), (events, "SUCCEEDED")]
    cloud.logs.stream = f"castline-local-{FIRST}-train-1/algo-1"
    cloud.logs.lines = ["[1121 07:00:09 @progress.py:45] epoch 1/2 step 5/10 loss 1.2 [x] 3.1 images/s ETA 0:10",
                        "[1121 07:00:09 @progress.py:47] Throughput: 3.1", "reading shards",
                        "Interrupted at step 5: checkpoint written, no model"]
    return cloud


def test_a_pipe_gets_plain_lines_in_order(app, running):
    result = app("watch", FIRST)

    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[:8] == [
        f"Run {FIRST}",
        "  begun Claim",
        "        epoch 1/2 step 5/10 loss 1.2 [x] 3.1 images/s ETA 0:10",
        "        Interrupted at step 5: checkpoint written, no model",
        "  done  Claim                    1 s",
        "  begun Train",
        "  done  Train             2 min 05 s",
        ""]
    assert "\x1b" not in result.stdout
    assert "python -m app predict IMAGE" in lines[-1]


def test_a_terminal_gets_a_live_line_that_goes_away(running):
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=80, color_system=None)

    ended = show_progress(running.pipeline, FIRST, console)

    shown = screen.getvalue()
    assert ended.status == "SUCCEEDED"
    assert "done  Train             2 min 05 s" in shown
    assert "Interrupted at step 5" in shown
    assert "begun" not in shown
    assert "reading shards" not in shown


def test_a_failed_run_says_where_and_why_and_exits_1(app, running, record):
    running.put(f"runs/{FIRST}/run.json", record(FIRST, status="FAILED", outcome="", error="TrainDataError"))
    events = [entered(1, "Train", 0)]
    running.states.looks[FIRST] = [(events, "FAILED")]
    running.states.error, running.states.cause = "TrainDataError", "no image [with] a mask"

    result = app("watch", FIRST)

    assert result.exit_code == 1
    assert "  failed in Train: TrainDataError no image [with] a mask" in result.stdout


def test_scripts_get_the_record_alone_on_stdout(app, running):
    result = app("watch", FIRST, "--json")

    assert json.loads(result.stdout)["mask_ap"] == 0.4
    assert "done  Train" in result.stderr


def test_the_record_of_an_aborted_run_is_awaited(app, cloud, record, monkeypatch):
    cloud.run(record(FIRST, status="RUNNING", outcome=""))
    cloud.states.looks[FIRST] = [([], "ABORTED")]
    monkeypatch.setattr("time.sleep", lambda _seconds: cloud.put(
        f"runs/{FIRST}/run.json", record(FIRST, status="ABORTED", outcome="", error="Stopped")))

    result = app("watch", FIRST)

    assert result.exit_code == 1
    assert "aborted Stopped" in result.stdout


def test_latest_is_the_active_run_even_before_it_has_a_record(app, cloud, record):
    cloud.run(record(FIRST))
    cloud.lock(SECOND)
    cloud.states.looks[SECOND] = [([], "SUCCEEDED")]

    assert app("watch").stdout.startswith(f"Run {SECOND}\n")


def test_latest_without_an_active_run_is_the_one_that_ran_last(app, cloud, record):
    cloud.run(record(FIRST))
    cloud.run(record(SECOND))

    assert app("watch", "latest").stdout.startswith(f"Run {SECOND}\n")


def test_after_an_upload_the_next_run_is_awaited(cloud, record, monkeypatch):
    cloud.run(record(FIRST))
    cloud.put("inbox/_READY", b"")
    waits = []

    def wait(seconds):
        waits.append(seconds)
        if len(waits) == 2:
            cloud.lock(SECOND)
        if len(waits) == 3:
            cloud.states.looks[SECOND] = [([], "RUNNING")]

    monkeypatch.setattr("time.sleep", wait)

    assert lookup.run_to_watch(cloud.pipeline) == SECOND
    assert len(waits) == 3


def test_a_run_that_never_comes_ends_the_wait(cloud, record, monkeypatch):
    cloud.run(record(FIRST))
    waits = []
    monkeypatch.setattr("time.sleep", waits.append)

    with pytest.raises(PipelineError, match="no run started within 2 s: python -m app run starts one or says why"):
        lookup.next_run(cloud.pipeline, FIRST)
    assert waits == [0.5] * 4
