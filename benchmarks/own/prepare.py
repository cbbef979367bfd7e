"""prepare in a process of its own, so that its peak memory is its own: `python -m benchmarks.own.prepare SPEC`.

SPEC is JSON: {"what": "rate", "size": 512, "images": 64}, {"what": "first", "images": 10000} or
{"what": "add", "images": 100000, "added": 100}. Prints one JSON object.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from maskrcnn.data import crew
from maskrcnn.data.checks import check
from maskrcnn.data.importers.supervisely import SuperviselyImporter
from maskrcnn.data.members import write_members
from maskrcnn.data.pipeline import Order, prepare
from maskrcnn.data.samples import Sample
from maskrcnn.data.scratch import Scratch
from maskrcnn.data.shards import encode
from maskrcnn.data.tree import UploadTree
from maskrcnn.local_store import LocalStore
from PIL import Image

from app.contracts import documents, keys
from app.contracts.dataset import ClassDefinition, ClassTally, Member, Shard, ShardSummary, VersionManifest
from app.contracts.settings import DataSettings
from app.generator.project import generate

TINY_PX = 32
CLASSES = (ClassDefinition(1, "holes", "defect"),)
IMAGES_A_SHARD = 2000
"""As photographs of 64 KB give in shards of 128 MB."""


def main() -> None:
    """Measure one thing."""
    spec = json.loads(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="castline-bench-") as folder:
        measured = MODES[spec.pop("what")](Path(folder), **spec)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**measured, "peak_rss_mb": peak_mb}))


def rate(folder: Path, size: int, images: int) -> dict[str, float]:
    """Seconds an image of each step, on one thread: read label, check (decode, draw, encode masks), keep, convert."""
    list(generate(folder / "inbox/up", count=images, seed=1, size=size))
    tree, importer, scratch = UploadTree.of_folder(folder / "inbox"), SuperviselyImporter(), Scratch(folder / "scratch")
    seconds = dict.fromkeys(("label", "check", "keep", "convert"), 0.0)
    (data_set,) = importer.find(tree)
    clock = time.thread_time()

    def lap(step: str) -> None:
        nonlocal clock
        now = time.thread_time()
        seconds[step] += now - clock
        clock = now

    for sample in importer.read(tree, data_set):
        lap("label")
        assert isinstance(sample, Sample)  # noqa: S101 - what was generated is whole, for the type checker
        checked = check(sample, tree.read(sample.image), (), "supervisely")
        assert checked.image  # noqa: S101
        assert checked.record  # noqa: S101
        lap("check")
        scratch.keep_image(checked.image)
        scratch.keep_label(checked.record)
        lap("keep")
        ids = {name: n for n, name in enumerate(sorted({i.class_name for i in checked.record.instances}), 1)}
        encode(checked.record, checked.image.body, ids)
        lap("convert")
    return {step: total / images for step, total in seconds.items()}


def first(folder: Path, images: int) -> dict[str, float]:
    """A first version of tiny photographs, each with one label."""
    source = folder / "inbox"
    _draw(source, images, seed=1)
    before = _rss_mb()
    began, used = time.perf_counter(), time.process_time()
    order = Order("run", None, DataSettings())
    store = LocalStore(folder / "bucket")
    prepare(order, UploadTree.of_folder(source), store, folder / "work", folder / "output", (), crew.Alone())
    return {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - used, "before_mb": before}


def add(folder: Path, images: int, added: int) -> dict[str, float]:
    """A version that adds photographs to a large one, whose images and shards are not there and not needed."""
    store = LocalStore(folder / "bucket")
    parent = _parent(store, images)
    source = folder / "inbox"
    _draw(source, added, seed=2)
    before = _rss_mb()
    began, used, now = time.perf_counter(), time.process_time(), time.time()
    order = Order("run", parent, DataSettings())
    result = prepare(order, UploadTree.of_folder(source), store, folder / "work", folder / "output", (), crew.Alone())
    assert result  # noqa: S101 - one host is host 0
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - used
    written = sum(path.stat().st_mtime >= now - 1 for path in (folder / "bucket" / keys.SHARDS).iterdir())
    members = (folder / "bucket" / keys.version_members(result.version)).stat().st_size
    return {"seconds": seconds, "cpu_seconds": cpu_seconds, "before_mb": before, "shards_written": written,
            "shards": len(list((folder / "bucket/dataset/shard-summaries").iterdir())),
            "members_bytes": members, "images": sum(result.images.values())}


def _draw(folder: Path, count: int, seed: int) -> None:
    """Photographs of 32 x 32 with a COCO file: enough for every step, small enough for a hundred thousand."""
    random_ = np.random.default_rng(seed)
    target = folder / f"up{seed}"
    target.mkdir(parents=True)
    entries, annotations = [], []
    for n in range(count):
        pixels = random_.integers(0, 256, (TINY_PX, TINY_PX), dtype=np.uint8)
        Image.fromarray(pixels).save(target / f"{n:07d}.png", compress_level=1)
        entries.append({"id": n, "file_name": f"{n:07d}.png", "width": TINY_PX, "height": TINY_PX})
        annotations.append({"id": n, "image_id": n, "category_id": 1, "bbox": [4, 4, 8, 8], "iscrowd": 0,
                            "segmentation": [[4, 4, 12, 4, 12, 12, 4, 12]], "area": 64})
    document = {"images": entries, "annotations": annotations, "categories": [{"id": 1, "name": "holes"}]}
    (target / "labels.json").write_text(json.dumps(document))


def _parent(store: LocalStore, images: int) -> str:
    """Members, summaries and manifest of a version as `images` photographs of 64 KB would have made them."""
    count = max(images // IMAGES_A_SHARD, 1)
    splits = {f"{n:020x}": ("train", "train", "train", "val", "test")[n % 5] for n in range(max(count, 5))}
    totals: dict[str, int] = dict.fromkeys(splits, 0)

    def members() -> Iterator[Member]:
        source = random.Random(7)  # noqa: S311 - no secret
        names = list(splits)
        step = 2**256 // images
        for n in range(images):
            sha = f"{n * step + source.randrange(step):064x}"
            shard = names[n % len(names)]
            totals[shard] += 1
            yield Member(sha, "jpg", hashlib.sha256(sha.encode()).hexdigest(), f"line-{n % 9}/cast_{n:07d}.jpg", sha,
                         splits[shard], 512, 512, 3, 65_536, shard,  # type: ignore[arg-type]
                         fingerprint=f"{source.getrandbits(256):064x}")

    version = "00000000000parent"
    write_members(store, version, members())
    shards: dict[str, tuple[Shard, ...]] = dict.fromkeys(("train", "val", "test"), ())
    tally = ClassTally(3 * IMAGES_A_SHARD, IMAGES_A_SHARD, {str(a): 6 for a in range(1000)}, {"17": 6000})
    for name, split in splits.items():
        size = totals[name] * 66_000
        store.write(keys.shard_summary(name),
                    documents.to_json(ShardSummary(name, totals[name], size, {"holes": tally})).encode())
        shards[split] += (Shard(name, totals[name], size),)
    counts = {split: sum(shard.images for shard in listed) for split, listed in shards.items()}
    manifest = VersionManifest(version, None, CLASSES, counts, shards, (), images, 0, 0)
    store.write(keys.version_manifest(version), documents.to_json(manifest).encode())
    return version


def _rss_mb() -> float:
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


MODES: dict[str, Callable[..., dict[str, float]]] = {"rate": rate, "first": first, "add": add}


if __name__ == "__main__":
    main()
