"""The staged folder: its layout, and that a second call does only what is missing."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.staging import coco
from app.staging.catalogue import COCO_2017, IMAGENET_R50, Archive, RemoteFile
from app.staging.coco import CocoFolder
from app.staging.download import Downloader
from app.staging.errors import StagingError

from .conftest import Server, zipped

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture
def archives(server: Server) -> tuple[Archive, ...]:
    contents = {
        "annotations": {"annotations/instances_val2017.json": b"{}", "annotations/captions_val2017.json": b"{}"},
        "val2017": {"val2017/1.jpg": b"one", "val2017/2.jpg": b"two"},
        "train2017": {"train2017/3.jpg": b"three"},
    }
    return tuple(Archive(server.put(f"{folder}.zip", zipped(files)), folder, 100) for folder, files in contents.items())


def files_of(root: Path) -> set[str]:
    return {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()}


def test_given_an_empty_folder_when_staged_then_it_is_laid_out_as_training_expects(
    server: Server, archives: tuple[Archive, ...], downloader: Downloader, tmp_path: Path
) -> None:
    weights = server.put("ImageNet-R50-AlignPadding.npz", zipped({"conv0_W.npy": b"1234"}))
    staged = CocoFolder(tmp_path / "coco", archives=archives, weights=weights).stage(downloader)
    assert files_of(tmp_path / "coco") == {
        "annotations/instances_val2017.json", "annotations/captions_val2017.json", "val2017/1.jpg", "val2017/2.jpg",
        "train2017/3.jpg", "pretrained-models/ImageNet-R50-AlignPadding.npz",
        ".staging/annotations.tsv", ".staging/val2017.tsv", ".staging/train2017.tsv",
    }  # fmt: skip
    assert staged.fetched == ("annotations", "val2017", "train2017", "pretrained-models")
    assert staged.already == ()


def test_given_a_staged_folder_when_staged_again_then_nobody_is_asked(
    server: Server, archives: tuple[Archive, ...], downloader: Downloader, tmp_path: Path
) -> None:
    folder = CocoFolder(tmp_path, archives=archives, weights=None)
    folder.stage(downloader)
    asked = len(server.asked)
    again = folder.stage(downloader)
    assert len(server.asked) == asked == 3
    assert (again.fetched, again.already) == ((), ("annotations", "val2017", "train2017"))


def test_given_a_lost_image_when_staged_again_then_only_its_archive_is_fetched(
    server: Server, archives: tuple[Archive, ...], downloader: Downloader, tmp_path: Path
) -> None:
    folder = CocoFolder(tmp_path, archives=archives, weights=None)
    folder.stage(downloader)
    (tmp_path / "val2017/2.jpg").unlink()
    server.asked.clear()
    assert folder.stage(downloader).fetched == ("val2017",)
    assert server.asked == [("/val2017.zip", "")]
    assert (tmp_path / "val2017/2.jpg").read_bytes() == b"two"


def test_given_kept_archives_when_a_file_is_lost_then_nothing_is_fetched(
    server: Server, archives: tuple[Archive, ...], downloader: Downloader, tmp_path: Path
) -> None:
    folder = CocoFolder(tmp_path, archives=archives, weights=None, keep_archives=True)
    folder.stage(downloader)
    server.asked.clear()
    shutil.rmtree(tmp_path / "train2017")
    folder.stage(downloader)
    assert server.asked == []
    assert (tmp_path / "train2017/3.jpg").read_bytes() == b"three"


def test_given_a_small_disk_when_staged_then_it_is_refused_before_anything_is_fetched(
    server: Server, downloader: Downloader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = server.put("a.zip", b"12345")
    archives = (Archive(large, "a", 2_000_000_000), Archive(large, "b", 1_000_000_000))
    free = 3_000_000_000 + 5 + coco.HEADROOM_BYTES
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free - 1))
    with pytest.raises(StagingError, match=r"4\.1 GB are free and 4\.1 GB are needed: name another disk"):
        CocoFolder(tmp_path / "not" / "yet", archives=archives, weights=None).stage(downloader)
    assert server.asked == []
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    with pytest.raises(StagingError, match="no zip archive"):
        CocoFolder(tmp_path, archives=archives, weights=None).stage(downloader)


def test_given_weights_that_are_gone_when_staged_then_the_data_set_is_complete_and_the_way_on_is_named(
    server: Server, archives: tuple[Archive, ...], downloader: Downloader, tmp_path: Path
) -> None:
    gone = RemoteFile(server.url("gone.npz"))
    with pytest.raises(StagingError, match=r"404 Not Found.*the data set itself is complete: --no-weights goes on"):
        CocoFolder(tmp_path, archives=archives, weights=gone).stage(downloader)
    assert CocoFolder(tmp_path, archives=archives, weights=None).stage(downloader).fetched == ()


def test_the_table_names_the_official_files() -> None:
    assert {a.folder: (a.file.url, a.file.size_bytes) for a in COCO_2017} == {
        "train2017": ("http://images.cocodataset.org/zips/train2017.zip", 19_336_861_798),
        "val2017": ("http://images.cocodataset.org/zips/val2017.zip", 815_585_330),
        "annotations": ("http://images.cocodataset.org/annotations/annotations_trainval2017.zip", 252_907_541),
    }
    assert all(len(a.file.sha256) == 64 for a in COCO_2017)
    assert IMAGENET_R50.name == "ImageNet-R50-AlignPadding.npz"


STAGE = """
import sys
from pathlib import Path
from app.staging.catalogue import Archive, RemoteFile
from app.staging.coco import CocoFolder
from app.staging.download import Downloader
url, size, sha256, root = sys.argv[1:]
archive = Archive(RemoteFile(url, int(size), sha256), "val2017", 100)
print(CocoFolder(Path(root), archives=(archive,), weights=None).stage(Downloader()).fetched)
"""


def test_given_a_process_killed_in_a_download_when_called_again_then_it_asks_for_the_rest_alone(
    server: Server, tmp_path: Path
) -> None:
    image = random.Random(3).randbytes(3_000_000)  # noqa: S311
    file = server.put("val2017.zip", zipped({"val2017/1.jpg": image}))
    command = [sys.executable, "-c", STAGE, file.url, str(file.size_bytes), file.sha256, str(tmp_path / "coco")]
    part = tmp_path / "coco/.staging/val2017.zip.part"
    server.does.hang_after = 2_000_000
    with subprocess.Popen(command, cwd=REPOSITORY) as process:  # noqa: S603 - our own code
        deadline = time.monotonic() + 60
        while not part.exists() or part.stat().st_size < 1_900_000:
            assert process.poll() is None
            assert time.monotonic() < deadline, "the download never came so far"
            time.sleep(0.01)  # another process's doing: nothing here can be waited for
        process.kill()
    server.does.go_on.set()
    have = part.stat().st_size
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout == "('val2017',)\n"
    assert server.asked == [("/val2017.zip", ""), ("/val2017.zip", f"bytes={have}-")]
    assert (tmp_path / "coco/val2017/1.jpg").read_bytes() == image
