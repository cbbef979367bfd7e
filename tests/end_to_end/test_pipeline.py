"""Upload, retrain, publish, predict; then everything that goes wrong on the way, on the real stacks.

The tests build on each other, in this order: a first model, a second upload beside a champion, a kill.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import keras
import psutil
import pytest

from app import cloud
from app.client import predictions, runs, watching
from app.client.pipeline import PipelineError
from app.contracts import documents, keys
from app.contracts.dataset import DatasetHead, VersionManifest
from app.embedded import control
from app.generator.project import generate
from tests.secret_patterns import secrets

from . import traces
from .conftest import CANARY, Deployed, wait_until

pytestmark = pytest.mark.slow
SIZE = 192
WAY = ["Claim", "Snapshot", "FindImage", "BuildImage", "FindBuiltImage", "Prepare", "Train", "Evaluate", "Compare",
       "Register", "Publish", "Verify", "Commit", "Finish"]


def draw(folder: Path, count: int, seed: int) -> Path:
    list(generate(folder, count=count, seed=seed, size=SIZE))
    return folder


def spoil(folder: Path) -> None:
    """A broken JPEG, a mask outside of its image, and a class that nobody knows."""
    labels = sorted((folder / "castings" / "ann").glob("*.json"))
    images = sorted((folder / "castings" / "img").iterdir())
    images[0].write_bytes(images[0].read_bytes()[:500])
    for path, change in ((labels[1], {"bitmap": {"origin": [SIZE - 3, 5]}}), (labels[2], {"classTitle": "scratchz"})):
        label = json.loads(path.read_text())
        for name, value in change.items():
            old = label["objects"][0][name]
            label["objects"][0][name] = old | value if isinstance(value, dict) else value
        path.write_text(json.dumps(label))


def test_first_upload_becomes_a_model_that_answers(deployed: Deployed, tmp_path: Path) -> None:
    """Given an empty system, when castings are uploaded, then a run starts by itself and its model serves."""
    deployed.upload(draw(tmp_path / "castings", 16, seed=1))
    record, states = deployed.finished(deployed.next_run([]))
    assert (record.status, record.outcome, record.error) == ("SUCCEEDED", "PROMOTED", "")
    assert states == WAY
    assert (record.accepted, record.quarantined, deployed.inbox()) == (16, 0, [])
    assert record.spend is not None
    assert [job.job_name.split("-")[-2] for job in record.spend.jobs] == ["prepare", "train", "evaluate"]
    assert record.spend.usd > 0
    assert record.spend.usd == pytest.approx(sum(job.usd or 0.0 for job in record.spend.jobs))
    champion = runs.champion(deployed.pipeline)
    assert champion is not None
    assert (champion.run_id, champion.version) == (record.run_id, record.version)
    head = runs.read_object(deployed.pipeline, keys.DATASET_HEAD)
    assert documents.from_json(DatasetHead, head or b"").version == record.version
    unseen = next(generate(tmp_path / "unseen", count=1, seed=99, size=SIZE))
    answer = predictions.predict(deployed.pipeline, unseen).prediction
    assert (answer.width, answer.height, answer.model_version) == (SIZE, SIZE, record.run_id)
    assert predictions.overlay(deployed.pipeline, unseen).startswith(b"\x89PNG")
    report = runs.read_object(deployed.pipeline, keys.run_report(record.run_id))
    assert report is not None
    assert b"http://" not in report.replace(b"http://www.w3.org/", b"")


def test_spoilt_upload_and_a_lost_spot_machine_beside_a_champion(deployed: Deployed, tmp_path: Path) -> None:
    """Given a champion, when an upload is partly broken and its training is interrupted, then the rest trains on."""
    champion = runs.champion(deployed.pipeline)
    known = runs.run_ids(deployed.pipeline, 20)
    folder = draw(tmp_path / "more", 16, seed=2)
    spoil(folder)
    deployed.upload(folder)
    run_id = deployed.next_run(known)

    def interrupted() -> bool:
        try:
            return bool(cloud.interrupt_training(deployed.pipeline, run_id))
        except PipelineError:
            return False

    wait_until(interrupted)
    record, _ = deployed.finished(run_id)
    assert record.status == "SUCCEEDED", record.cause
    assert (record.accepted, record.quarantined) == (13, 3)
    (attempt,) = record.training
    assert (attempt.spot, attempt.interruptions) == (True, 1)
    assert 0 < attempt.billable_seconds <= attempt.seconds
    findings = {f.rule: f.message for f in runs.findings(deployed.pipeline, run_id) if f.severity == "error"}
    assert len(findings) == 3, findings
    assert any("scratchz" in message for message in findings.values())
    assert record.champion_ap is not None
    assert record.decision
    serves = runs.champion(deployed.pipeline)
    assert serves is not None
    assert champion is not None
    assert serves.run_id == (run_id if record.outcome == "PROMOTED" else champion.run_id)
    manifest = runs.read_object(deployed.pipeline, keys.version_manifest(record.version or ""))
    assert sum(documents.from_json(VersionManifest, manifest or b"").images.values()) == 16 + 13
    assert deployed.inbox() == []


def test_a_run_starts_from_the_weights_that_docs_weights_says_to_upload(deployed: Deployed, tmp_path: Path) -> None:
    """Given a backbone's file below dataset/weights/, when a run names it, then its training starts from it."""
    name = "mobilenet.weights.h5"
    keras.applications.MobileNetV2(weights=None, include_top=False, alpha=0.35).save_weights(tmp_path / name)
    deployed.pipeline.client("s3").upload_file(tmp_path / name, deployed.pipeline.bucket, f"dataset/weights/{name}")
    known = runs.run_ids(deployed.pipeline, 20)
    runs.force(deployed.pipeline, {"backbone": "mobilenet_v2", "mobilenet_width": "0.35", "backbone_weights": name})
    run_id = deployed.next_run(known)
    record, _ = deployed.finished(run_id)
    assert record.status == "SUCCEEDED", record.cause
    said = [line for where, line in traces.logs(deployed.pipeline) if watching.TRAINING_LOGS in where]
    loaded, = [line for line in said if "backbone_weights: " in line]
    assert re.search(rf"(\d+) of \1 variables from .*/weights/{name}, format keras", loaded), "all of the backbone"
    assert any(f"pixel_mean = (127.5, 127.5, 127.5), because {name}" in line for line in said)


def test_nothing_that_runs_left_behind_tells_a_secret(deployed: Deployed) -> None:
    """Given runs with jobs, when everything is read that people may read, then no credential stands in it."""
    read, told = {"event": 0, "log": 0, "s3": 0, "item": 0}, []
    for where, text in traces.all_of(deployed.pipeline):
        read[next(kind for kind in read if kind in where)] += 1
        told += [f"{where}: {kind}" for kind in secrets(text)]
        if CANARY in text or "AWS_SECRET_ACCESS_KEY" in text:
            told.append(f"{where}: the environment")
    assert told == []
    enough = {"event": 50, "log": 50, "s3": 10, "item": 1}
    assert all(read[kind] >= count for kind, count in enough.items()), read


def test_kill_during_training_loses_no_upload(deployed: Deployed, tmp_path: Path) -> None:
    """Given a run in training, when the embedded AWS is killed and comes up, then the next run uses the uploads."""
    known = runs.run_ids(deployed.pipeline, 20)
    deployed.upload(draw(tmp_path / "third", 8, seed=3))
    killed = deployed.next_run(known)
    sagemaker = deployed.pipeline.client("sagemaker")
    wait_until(lambda: any(killed in j["TrainingJobName"] for j in sagemaker.list_training_jobs(
        StatusEquals="InProgress")["TrainingJobSummaries"]))
    running = control.status(deployed.state)
    assert running is not None
    psutil.Process(running.pid).kill()
    wait_until(lambda: control.status(deployed.state) is None)
    deployed.up()
    assert len(deployed.inbox()) >= 16
    record, _ = deployed.finished(deployed.next_run([*known, killed]))
    assert record.status == "SUCCEEDED", record.cause
    assert (record.accepted, deployed.inbox()) == (8, [])
    lost = wait_until(lambda: (r := runs.record(deployed.pipeline, killed)) and r.status != "RUNNING" and r)
    assert lost.status in ("ABORTED", "FAILED")
    assert lost.cause
