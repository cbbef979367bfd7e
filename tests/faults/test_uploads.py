"""People upload, overwrite and delete while a run works; and upload what is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.contracts import keys
from app.generator.project import generate

from .rows import fault
from .world import World, wait_until


def preparing(world: World) -> str:
    """A run that has frozen two uploads and has not read them yet."""
    known = world.run_ids()
    world.order("prepare", seconds=1.5)
    world.upload(name="a.png", count=1, ready=False)
    world.upload(name="b.png", count=1)
    run_id = world.next_run(known)
    wait_until(lambda: "prepare-1" in world.jobs_of(run_id))
    return run_id


@fault("upload in the middle of a run", injected="PutObject after the snapshot",
       seen="the run ends without the new image, which stays in the inbox", recovers="the next run uses it", fast=True)
def test_upload_meanwhile(world: World) -> None:
    run_id = preparing(world)
    (late,) = world.upload(1, ready=False)
    assert world.ended(run_id).uploads == 2
    assert world.inbox() == {late.key: late.sha256}
    world.run()
    assert world.inbox() == {}


@fault("overwrite in the middle of a run", injected="PutObject on a key of the snapshot before prepare has read it",
       seen="prepare reads the frozen version", recovers="the new content is the next run's", fast=True)
def test_overwrite_meanwhile(world: World) -> None:
    run_id = preparing(world)
    (new,) = world.upload(1, ready=False, name="a.png")
    assert world.ended(run_id).outcome == "PROMOTED"
    assert world.inbox() == {new.key: new.sha256}


@fault("delete in the middle of a run", injected="DeleteObject on a key of the snapshot before prepare has read it",
       seen="prepare reads the frozen version, which a delete marker only hides",
       recovers="what was in the snapshot is in the data set; nothing comes back to the inbox")
def test_delete_meanwhile(world: World) -> None:
    run_id = preparing(world)
    world.client("s3").delete_object(Bucket=world.pipeline.bucket, Key=keys.INBOX + "a.png")
    assert world.ended(run_id).uploads == 2
    assert world.inbox() == {}


@fault("an overwritten upload below a new one", injected="two versions of a key before the snapshot",
       seen="the newest is used", recovers="the older one leaves the inbox with it and does not surface")
def test_overwritten_before(world: World) -> None:
    old = world.upload(1, ready=False, name="c.png")
    world.upload(1, ready=False, name="c.png")
    world.take_back(*old)
    world.run()
    assert world.inbox() == {}


@pytest.mark.parametrize(("bad", "error"), [(0, ""), (1, ""), (32, "JobDataError")])
@fault("0 %, 3 % and 100 % of the images are broken", injected="files cut off; prepare is the real program",
       seen="as many in quarantine with a finding each; above data.max_bad_share run FAILED with JobDataError",
       recovers="the good ones train; a broken upload waits for a better one")
def test_bad_images(world: World, tmp_path: Path, bad: int, error: str) -> None:
    head = world.read(keys.DATASET_HEAD)
    s3, bucket = world.client("s3"), world.pipeline.bucket
    s3.delete_object(Bucket=bucket, Key=keys.DATASET_HEAD)
    try:
        list(generate(tmp_path, count=32, seed=7, size=64))
        images = sorted((tmp_path / "castings" / "img").iterdir())
        for image in images[:bad]:
            image.write_bytes(image.read_bytes()[:200])
        for file in (f for f in sorted(tmp_path.rglob("*")) if f.is_file()):
            s3.put_object(Bucket=bucket, Key=keys.INBOX + file.relative_to(tmp_path).as_posix(), Body=file.read_bytes())
        world.order("prepare", real=True)
        record = world.run(images=0)
        assert (record.error, record.outcome) == (error, "" if error else "PROMOTED"), record.cause
        assert (record.quarantined, record.accepted) == ((0, 0) if error else (bad, 32 - bad))
        assert bool(world.inbox()) is bool(error)
    finally:
        s3.put_object(Bucket=bucket, Key=keys.DATASET_HEAD, Body=head)
