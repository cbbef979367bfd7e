"""Where everything lies in the one S3 bucket; nobody spells a key by hand."""

from __future__ import annotations

INBOX = "inbox/"
"""Uploads of any supported format; emptied only by the commit of the run that used them."""

READY_MARKER = "inbox/_READY"
"""Uploading this object says: the upload is complete, do not wait for a quiet inbox."""

CHAMPION = "champion.json"
"""Pointer to the model that serves (contracts.champion.Champion); moved by conditional put only."""

DATASET_HEAD = "dataset/head.json"
"""Pointer to the newest committed data-set version (contracts.dataset.DatasetHead)."""

SHARDS = "dataset/shards/"
"""TFRecord shards of all versions."""

VERSIONS = "dataset/versions/"
"""Data-set versions, a folder each."""

ROLLBACKS = "dataset/rollbacks/"
"""Who went back to which version, and from which: never deleted, because of the splits that were undone."""

WEIGHTS = "dataset/weights/"
"""Files of weights that training may start from; below the data set because the jobs may read there."""

SERVING = "serving/"
"""What the endpoint was asked and has answered, as far as it is kept: gone after serving.keep_days."""

SERVING_REQUESTS = "serving/requests/"
"""Images that an async endpoint is asked about."""

SERVING_ANSWERS = "serving/answers/"
"""Where an async endpoint writes what it found."""

SERVING_FAILURES = "serving/failures/"
"""Where an async endpoint writes why it has no answer."""

SERVING_CAPTURES = "serving/captures/"
"""Sampled requests and answers of a realtime endpoint."""

SERVING_PROOFS = "serving/proofs/"
"""Which answers are awaited while an async endpoint is being verified."""

COCO = "mask-rcnn/sagemaker/input/train/"
"""The staged COCO data set, where AWS's distributed Mask R-CNN examples have it; on a file system the same path."""


def image(sha256: str, extension: str) -> str:
    """Key of a content-addressed image; never rewritten. `extension` has no dot and is lower case."""
    return f"dataset/images/{sha256}.{extension}"


def label(label_sha256: str) -> str:
    """Key of a canonical label record (contracts.dataset.LabelRecord) by its own hash; never rewritten.

    A version pins the label of each member by this hash (Member.label_sha256), so relabelling an
    image adds a record and older versions stay readable.
    """
    return f"dataset/labels/{label_sha256}.json"


def version(version_id: str, *parts: str) -> str:
    """Key (or prefix, when `parts` is empty or its last is '') below one data-set version."""
    return "/".join(("dataset/versions", version_id, *parts)) if parts else f"dataset/versions/{version_id}/"


def version_manifest(version_id: str) -> str:
    """Key of a version's manifest (contracts.dataset.VersionManifest)."""
    return version(version_id, "manifest.json")


def version_members(version_id: str) -> str:
    """Key of a version's members (contracts.members), beside its manifest."""
    return version(version_id, "members.jsonl.gz")


def version_former(version_id: str) -> str:
    """Key of the images that left the data set before a version (contracts.members); absent when none did."""
    return version(version_id, "former.jsonl.gz")


def version_diff(version_id: str) -> str:
    """Key of what a version changed against its parent (contracts.dataset.MemberChange)."""
    return version(version_id, "diff.jsonl.gz")


def version_channel(version_id: str, split: str) -> str:
    """Key of the list of one split's shards (train, val, test), as SageMaker takes it with S3DataType ManifestFile."""
    return version(version_id, f"{split}.manifest")


def shard(name: str) -> str:
    """Key of a TFRecord shard; named by what it holds, shared by versions, never rewritten."""
    return f"{SHARDS}{name}.tfrecord"


def shard_summary(name: str) -> str:
    """Key of what is known of a shard (contracts.dataset.ShardSummary); written after the shard, so that it says whole.

    Not below the shards' prefix, from which jobs read.
    """
    return f"dataset/shard-summaries/{name}.json"


def rollbacks(to_version: str = "", from_version: str = "") -> str:
    """Key of the record of a rollback, or the prefix of all to a version, or of all (contracts.dataset.Rollback)."""
    if not to_version:
        return ROLLBACKS
    return f"{ROLLBACKS}{to_version}/" + (f"{from_version}.json" if from_version else "")


def version_copy(version_id: str) -> str:
    """Key of the note that a version's shards lie on the file system (contracts.file_system.FileSystemCopy)."""
    return version(version_id, "file-system.json")


def run(run_id: str, *parts: str) -> str:
    """Key (or prefix, when `parts` is empty or its last is '') below one run."""
    return "/".join(("runs", run_id, *parts)) if parts else f"runs/{run_id}/"


def run_record(run_id: str) -> str:
    """Key of the run record (contracts.runs.RunRecord)."""
    return run(run_id, "run.json")


def run_champion(run_id: str) -> str:
    """Key of champion.json as it was when this run's model was replaced (contracts.runs.Champion)."""
    return run(run_id, "champion.json")


def run_report(run_id: str) -> str:
    """Key of the self-contained report page of a run."""
    return run(run_id, "report.html")


def snapshot(run_id: str, name: str = "manifest.jsonl") -> str:
    """Key below the snapshot of a run: `manifest.jsonl` (one SnapshotEntry a line) or `summary.json`."""
    return run(run_id, "snapshot", name)


def prepare_parts(run_id: str, job_name: str, *parts: str) -> str:
    """Key of what the hosts of one prepare job hand to one another; a job that is done again has another name."""
    return run(run_id, "prepare-parts", job_name, *parts)


def checkpoints(run_id: str) -> str:
    """Checkpoint prefix of a run, shared by its attempts and by nobody else; ends with a slash."""
    return run(run_id, "checkpoints", "")


def quarantine(run_id: str, *parts: str) -> str:
    """Key below the quarantine of a run: bad items with `report.json` (contracts.dataset.Finding list)."""
    return "/".join(("quarantine", run_id, *parts)) if parts else f"quarantine/{run_id}/"


def proof(endpoint: str, endpoint_config: str) -> str:
    """Key of what is awaited of an endpoint on a configuration (lambdas.aws.proving.Awaited)."""
    return f"{SERVING_PROOFS}{endpoint}/{endpoint_config}.json"


def uri(bucket: str, key: str) -> str:
    """The s3:// form of a key."""
    return f"s3://{bucket}/{key}"


def split_uri(s3_uri: str) -> tuple[str, str]:
    """Split `s3://bucket/key` into (bucket, key).

    Raises:
        ValueError: it is no s3:// URI.
    """
    if not s3_uri.startswith("s3://"):
        raise ValueError(f"{s3_uri}: not an S3 address: write s3://bucket/key")
    bucket, _, key = s3_uri.removeprefix("s3://").partition("/")
    return bucket, key
