"""prepare on a plain folder, without S3: `python -m maskrcnn.data.local SRC OUT`.

SRC holds uploads as the inbox does (`<upload>/<files>`), or is one data set. OUT becomes a small bucket
(dataset/, quarantine/) and gets, besides, the folders that train and evaluate expect as channels:

    OUT/train/*.tfrecord, OUT/val/*.tfrecord, OUT/test/*.tfrecord, OUT/dataset/manifest.json,
    OUT/output/{result,findings,statistics}.json
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from app.contracts import documents, keys
from app.contracts.dataset import SPLITS, PrepareResult, VersionManifest
from app.contracts.settings import DataSettings
from maskrcnn.data.pipeline import Order, prepare
from maskrcnn.data.tree import UploadTree
from maskrcnn.local_store import LocalStore
from maskrcnn.program import by_hand

RUN_ID = "local"
LOCAL_MANIFEST = "dataset/manifest.json"
"""The manifest of the version that was prepared last, where a channel of evaluate has it."""


def prepare_folder(
    source: Path, target: Path, settings: DataSettings | None = None, parent_version: str | None = None
) -> PrepareResult:
    """Prepare a local folder into a local bucket and lay out the channels.

    Raises:
        JobError: as prepare.
    """
    store = LocalStore(target)
    order = Order(RUN_ID, parent_version, settings or DataSettings())
    with tempfile.TemporaryDirectory(prefix="castline-prepare-") as work:
        result = prepare(order, UploadTree.of_folder(source), store, Path(work), target / "output")
    assert result  # noqa: S101 - one host is host 0
    manifest = documents.from_json(VersionManifest, store.read(keys.version_manifest(result.version)))
    for split in SPLITS:
        shutil.rmtree(target / split, ignore_errors=True)
        (target / split).mkdir()
        for shard in manifest.shards[split]:
            shutil.copyfile(target / keys.shard(shard.name), target / split / f"{shard.name}.tfrecord")
    (target / LOCAL_MANIFEST).write_text(documents.to_json(manifest))
    return result


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m maskrcnn.data.local",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", type=Path, help="folder of uploads")
    parser.add_argument("target", type=Path, help="folder to write")
    parser.add_argument("--parent", metavar="VERSION", help="a version in the target folder to add to")
    arguments = parser.parse_args()
    if not arguments.source.is_dir():
        parser.error(f"{arguments.source}: no such folder")
    return by_hand(
        lambda: prepare_folder(arguments.source, arguments.target, parent_version=arguments.parent))


if __name__ == "__main__":
    sys.exit(main())
