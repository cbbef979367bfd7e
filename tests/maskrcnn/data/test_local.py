"""prepare on a plain folder, as the command `python -m maskrcnn.data.local` does it."""

from __future__ import annotations

import json

import pytest
from maskrcnn.data import local
from maskrcnn.storage import ObjectNotFoundError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def run(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["local", *map(str, arguments)])
    return local.main()


def test_the_channels_of_train_and_evaluate_are_laid_out(inbox, tmp_path, monkeypatch):
    for n in range(8):
        inbox.good(f"up/ds/{n}.png")
    assert run(monkeypatch, inbox.root, tmp_path / "out") == 0
    for split in ("train", "val", "test"):
        shards = [p.name for p in (tmp_path / "out/dataset/shards").iterdir()]
        assert {p.name for p in (tmp_path / "out" / split).iterdir()} < set(shards)
    manifest = json.loads((tmp_path / "out/dataset/manifest.json").read_text())
    assert sum(manifest["images"].values()) == 8


def test_a_failure_is_said_and_the_status_is_not_zero(inbox, tmp_path, monkeypatch, caplog):
    assert run(monkeypatch, inbox.root, tmp_path / "out") == 1
    assert "DATA_TOO_FEW: 0 usable images" in caplog.text


def test_a_missing_folder_is_said(tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        run(monkeypatch, tmp_path / "gone", tmp_path / "out")
    assert "gone: no such folder" in capsys.readouterr().err


def test_the_local_store_speaks_like_the_bucket(tmp_path):
    store = local.LocalStore(tmp_path / "store")
    store.write("a/b", b"one")
    store.download("a/b", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"one"
    assert (list(store.keys("a/")), store.exists("a/b"), store.exists("a")) == (["a/b"], True, False)
    with pytest.raises(ObjectNotFoundError):
        store.read("a/c")
