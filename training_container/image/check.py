"""Runs inside the built image, without network: does each of the four programs do what it must?

First each program without its inputs (it must say why and exit non-zero), then the whole chain on a few
generated castings: prepare, train, evaluate, serve. Started by build-locally.sh.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import urllib.request
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), "/opt/castline", "/opt/castline/training_container"]

import folder_s3  # noqa: E402

from app.contracts import documents, keys  # noqa: E402
from app.contracts.dataset import PrepareResult, SnapshotEntry, VersionManifest  # noqa: E402
from app.contracts.evaluation import EvaluationResult, GoldenSet  # noqa: E402
from app.contracts.jobs import EvaluateJob, PrepareJob  # noqa: E402
from app.contracts.prediction import Prediction  # noqa: E402
from app.contracts.settings import DataSettings, PromotionSettings, VerdictSettings  # noqa: E402
from app.generator.project import generate  # noqa: E402

WORK = Path("/work")
BUCKET, RUN = "castings", "20260101-000000-abcdef"
CASTINGS, SIZE_PX = 24, 128
HYPERPARAMETERS = {"preset": "demo", "epochs": "1", "eval_period": "1", "images_per_epoch": "8", "warmup": "1",
                   "image_size": str(SIZE_PX), "max_size": str(SIZE_PX), "run_id": RUN,
                   "score_threshold": "0.0"}  # a model of two steps is sure of nothing
VERDICT = VerdictSettings(min_score=0.01)


def main() -> None:
    """Check everything; the first thing that is wrong ends the program with a message."""
    for program in ("prepare", "train", "evaluate"):
        refuses_without_input(program)
    serves_503_without_a_model()
    bucket = WORK / "s3" / BUCKET
    manifest = prepares(bucket)
    trains(bucket, manifest)
    evaluates(bucket, manifest)
    serves(WORK / "evaluate/processing/output/golden")
    say("all four programs work in this image without network")


def refuses_without_input(program: str) -> None:
    """A job without its input names what is missing, in the failure file too, and exits 1."""
    root = WORK / "empty" / program
    root.mkdir(parents=True)
    expect(run(program, root) == 1, f"{program} without input should exit 1")
    failure = json.loads((root / "output/failure").read_text())
    say(f"{program} without input: exit 1, {failure['code']}: {failure['message']}")


def serves_503_without_a_model() -> None:
    """A server without a model stays up to say why, and ends cleanly."""
    root = WORK / "empty/serve"
    root.mkdir(parents=True)
    server = start_server(root)
    while True:
        status, body, _ = call("GET", "/ping")
        if b"still being loaded" not in body:
            break
        time.sleep(0.5)
    expect(status == 503, f"/ping without a model should be 503, is {status}")
    say(f"serve without a model: 503 {json.loads(body)['message']}")
    stop_server(server)


def prepares(bucket: Path) -> VersionManifest:
    """Upload generated castings to the folder that plays S3 and make a data-set version of them."""
    upload = bucket / keys.INBOX
    for _ in generate(upload, count=CASTINGS, seed=7, size=SIZE_PX):
        pass
    entries = [
        SnapshotEntry(str(path.relative_to(bucket)), "null", path.stat().st_size, "", "2026-01-01T00:00:00Z")
        for path in sorted(upload.rglob("*"))
        if path.is_file()
    ]
    snapshot = bucket / keys.snapshot(RUN)
    snapshot.parent.mkdir(parents=True)
    snapshot.write_text("".join(documents.to_json(entry) + "\n" for entry in entries))
    root = WORK / "prepare"
    write(root / "processing/input/job/job.json", PrepareJob(RUN, BUCKET, keys.snapshot(RUN), None, DataSettings()))
    s3 = {
        "AWS_ENDPOINT_URL": folder_s3.serve(WORK / "s3"), "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": "us-east-1",
        # The folder does not understand S3's streaming checksums.
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
    }  # fmt: skip
    expect(run("prepare", root, s3) == 0, "prepare should exit 0")
    result = documents.from_json(PrepareResult, (root / "processing/output/result.json").read_text())
    expect(result.accepted == CASTINGS, f"prepare should accept {CASTINGS} castings, took {result.accepted}")
    say(f"prepare: version {result.version}, {result.images}")
    return documents.from_json(VersionManifest, (bucket / keys.version_manifest(result.version)).read_text())


def copy_shards(bucket: Path, manifest: VersionManifest, split: str, channel: Path) -> None:
    """Fill a channel as SageMaker does from the list of shards."""
    channel.mkdir(parents=True)
    for shard in manifest.shards[split]:
        shutil.copy(bucket / keys.shard(shard.name), channel)


def trains(bucket: Path, manifest: VersionManifest) -> None:
    """Train for a moment on the shards of the version."""
    root = WORK / "train"
    for split in ("train", "val"):
        copy_shards(bucket, manifest, split, root / "input/data" / split)
    write(root / "input/data/dataset/manifest.json", manifest)
    write(root / "input/config/hyperparameters.json", HYPERPARAMETERS | {"version": manifest.version})
    expect(run("train", root) == 0, "train should exit 0")
    say(f"train: {', '.join(sorted(path.name for path in (root / 'model').iterdir()))}")


def evaluates(bucket: Path, manifest: VersionManifest) -> None:
    """Evaluate the model against itself: there must be no gain."""
    root = WORK / "evaluate"
    inputs = root / "processing/input"
    copy_shards(bucket, manifest, "test", inputs / "test")
    write(inputs / "dataset/manifest.json", manifest)
    for who in ("challenger", "champion"):
        (inputs / who).mkdir()
        with tarfile.open(inputs / who / "model.tar.gz", "w:gz") as tar:
            tar.add(WORK / "train/model", arcname=".")
    job = EvaluateJob(RUN, manifest.version, RUN, 3, PromotionSettings(), VERDICT)
    write(inputs / "job/job.json", job)
    expect(run("evaluate", root) == 0, "evaluate should exit 0")
    result = documents.from_json(EvaluationResult, (root / "processing/output/result.json").read_text())
    gain = result.gain
    expect(gain is not None and gain.low == gain.high == 0.0, "a model against itself should gain nothing")
    say(f"evaluate: {result.test_images} test images, mask AP {result.challenger.mask.ap:.3f}, "
        f"report of {(root / 'processing/output/report.html').stat().st_size} bytes")


def serves(golden: Path) -> None:
    """Serve the trained model: it must answer the golden images as it did in the evaluation."""
    server = start_server(WORK / "train", {"CASTLINE_VERDICT": documents.to_json(VERDICT)})
    while call("GET", "/ping")[0] != 200:
        expect(server.poll() is None, "serve should stay up")
        time.sleep(0.5)
    answers = documents.from_json(GoldenSet, (golden / "golden.json").read_text()).answers
    for each in answers:
        status, body, _ = call("POST", "/invocations", (golden / each.file).read_bytes(), "application/x-image")
        expect(status == 200, f"{each.file}: should be 200, is {status}: {body[:200]!r}")
        served = documents.from_json(Prediction, body)
        expect(served.instances == each.prediction.instances, f"{each.file}: should be answered as evaluated")
    image = (golden / answers[0].file).read_bytes()
    status, body, kind = call("POST", "/invocations", image, "application/x-image", "image/png")
    expect((status, kind, body[:4]) == (200, "image/png", b"\x89PNG"), "the overlay should be a PNG")
    expect(call("POST", "/invocations", image[:200], "application/x-image")[0] == 400, "a cut image should be 400")
    found = sum(len(each.prediction.instances) for each in answers)
    say(f"serve: {found} instances in {len(answers)} golden images answered as evaluated, overlay and refusal as well")
    stop_server(server)


def run(program: str, root: Path, environment: dict[str, str] | None = None) -> int:
    """Run a program of the image on a layout of its own."""
    say(f"--- {program}")
    return subprocess.run([program], env=settings(root, environment), check=False).returncode  # noqa: S603


def start_server(root: Path, environment: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start `serve` and wait until the port is open."""
    say("--- serve")
    server = subprocess.Popen(["serve"], env=settings(root, environment))  # noqa: S607
    while server.poll() is None:
        try:
            call("GET", "/ping")
        except OSError:
            time.sleep(0.2)
        else:
            return server
    raise SystemExit(f"NOT OK: serve ended with {server.returncode} before it opened its port")


def stop_server(server: subprocess.Popen[bytes]) -> None:
    """SIGTERM must end it cleanly within SageMaker's 30 seconds."""
    server.send_signal(signal.SIGTERM)
    expect(server.wait(timeout=30) == 0, f"serve should exit 0 at SIGTERM, exits {server.returncode}")
    say("serve at SIGTERM: exit 0")


def call(
    method: str, path: str, body: bytes | None = None, kind: str = "", accept: str = "*/*"
) -> tuple[int, bytes, str]:
    """Ask the server; returns status, body and content type."""
    headers = {"Accept": accept} | ({"Content-Type": kind} if kind else {})
    request = urllib.request.Request(f"http://127.0.0.1:8080{path}", body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
            return answer.status, answer.read(), answer.headers["Content-Type"] or ""
    except urllib.error.HTTPError as error:
        return error.code, error.read(), ""


def settings(root: Path, more: dict[str, str] | None) -> dict[str, str]:
    """The environment of a program whose /opt/ml is `root`."""
    return os.environ | {"CASTLINE_ML_ROOT": str(root)} | (more or {})


def write(path: Path, document: Any) -> None:
    """Write a document, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(documents.to_json(document))


def expect(fact: bool, sentence: str) -> None:
    """Go on only if it is so."""
    if not fact:
        raise SystemExit(f"NOT OK: {sentence}")


def say(sentence: str) -> None:
    """Print at once, in order with the programs' own output."""
    sys.stdout.write(f"== {sentence}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
