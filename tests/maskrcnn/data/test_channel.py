"""Which shards of a channel count."""

from __future__ import annotations

import pytest
from maskrcnn.data.channel import shard_names, shard_paths

from app.contracts.dataset import Shard, VersionManifest


@pytest.fixture
def folder(tmp_path):
    for name in ("b.tfrecord", "a.tfrecord", "test-images.tfrecord", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def test_a_folder_of_all_shards_gives_those_of_the_split(folder):
    manifest = VersionManifest("v", None, (), {}, {"train": (Shard("a", 1, 1), Shard("b", 1, 1))}, (), 0, 0, 0)
    names = shard_names(manifest, "train")
    assert [path.name for path in shard_paths(folder, names)] == ["a.tfrecord", "b.tfrecord"]
    assert shard_names(manifest, "val") == ()


def test_without_names_all_count(folder):
    assert [path.name for path in shard_paths(folder)] == ["a.tfrecord", "b.tfrecord", "test-images.tfrecord"]


def test_a_missing_shard_is_an_error_and_no_smaller_data_set(folder):
    with pytest.raises(ValueError, match="1 of 2 shards are missing, c for one: copy or prepare the version again"):
        shard_paths(folder, ("a", "c"))
