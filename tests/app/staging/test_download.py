"""Downloads: resumed, bounded, and never taken unchecked."""

from __future__ import annotations

import dataclasses
import hashlib
import random
from pathlib import Path

import pytest

from app.staging.catalogue import RemoteFile
from app.staging.download import Downloader
from app.staging.errors import StagingError

from .conftest import Server, zipped

BODY = random.Random(5).randbytes(3_000_000)  # noqa: S311


def test_given_a_file_when_fetched_then_its_bytes_are_there_and_every_byte_was_told(
    server: Server, downloader: Downloader, tmp_path: Path
) -> None:
    told: list[int] = []
    downloader.fetch(server.put("a.zip", BODY), tmp_path / "deep" / "a.zip", told.append)
    assert (tmp_path / "deep" / "a.zip").read_bytes() == BODY
    assert sum(told) == len(BODY)
    assert server.asked == [("/a.zip", "")]
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["a.zip"]


def test_given_breaks_in_the_middle_when_fetched_then_each_connection_goes_on_where_the_last_ended(
    server: Server, downloader: Downloader, tmp_path: Path
) -> None:
    server.does.break_after = [1_200_000, 700_000]
    told: list[int] = []
    downloader.fetch(server.put("a.zip", BODY), tmp_path / "a.zip", told.append)
    assert server.asked == [("/a.zip", ""), ("/a.zip", "bytes=1200000-"), ("/a.zip", "bytes=1900000-")]
    assert (tmp_path / "a.zip").read_bytes() == BODY
    assert sum(told) == len(BODY)


def test_given_what_a_killed_call_left_when_fetched_then_only_the_rest_is_asked_for(
    server: Server, downloader: Downloader, tmp_path: Path
) -> None:
    (tmp_path / "a.zip.part").write_bytes(BODY[:2_999_990])
    told: list[int] = []
    downloader.fetch(server.put("a.zip", BODY), tmp_path / "a.zip", told.append)
    assert server.asked == [("/a.zip", "bytes=2999990-")]
    assert told == [2_999_990, 10]
    assert (tmp_path / "a.zip").read_bytes() == BODY


def test_given_a_server_without_ranges_when_resumed_then_the_file_comes_whole_once(
    server: Server, downloader: Downloader, tmp_path: Path
) -> None:
    server.does.ranges = False
    server.does.break_after = [1_000_000]
    told: list[int] = []
    downloader.fetch(server.put("a.zip", BODY), tmp_path / "a.zip", told.append)
    assert (tmp_path / "a.zip").read_bytes() == BODY
    assert -1_000_000 in told
    assert sum(told) == len(BODY)


def test_given_a_finished_file_when_fetched_again_then_nobody_is_asked(
    server: Server, downloader: Downloader, tmp_path: Path
) -> None:
    file = server.put("a.zip", BODY)
    (tmp_path / "a.zip").write_bytes(BODY)
    downloader.fetch(file, tmp_path / "a.zip")
    assert server.asked == []


def test_given_a_complete_part_when_fetched_then_it_is_checked_and_taken(
    server: Server, downloader: Downloader, tmp_path: Path
) -> None:
    (tmp_path / "a.zip.part").write_bytes(BODY)
    downloader.fetch(server.put("a.zip", BODY), tmp_path / "a.zip")
    assert server.asked == []
    assert (tmp_path / "a.zip").read_bytes() == BODY


def test_given_wrong_bytes_once_when_fetched_then_they_are_named_thrown_away_and_fetched_again(
    server: Server, downloader: Downloader, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = BODY[:-1] + bytes([BODY[-1] ^ 1])
    server.does.bodies = [wrong]
    told: list[int] = []
    downloader.fetch(server.put("a.zip", BODY), tmp_path / "a.zip", told.append)
    assert (tmp_path / "a.zip").read_bytes() == BODY
    assert sum(told) == len(BODY)
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert f"a.zip.part: SHA-256 {hashlib.sha256(wrong).hexdigest()} instead of" in warning


def test_given_a_wrong_file_where_the_right_one_should_be_when_fetched_then_it_is_replaced(
    server: Server, downloader: Downloader, tmp_path: Path
) -> None:
    (tmp_path / "a.zip").write_bytes(b"<html>not found</html>")
    downloader.fetch(server.put("a.zip", BODY), tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == BODY


def test_given_always_wrong_bytes_when_fetched_then_it_ends_after_two_and_leaves_nothing_to_resume(
    server: Server, downloader: Downloader, tmp_path: Path
) -> None:
    file = server.put("a.zip", BODY)
    server.files["/a.zip"] = BODY[::-1]
    with pytest.raises(StagingError, match=r"a\.zip: SHA-256 .* instead of .*, twice: the server has another file"):
        downloader.fetch(file, tmp_path / "a.zip")
    assert len(server.asked) == 2
    assert list(tmp_path.iterdir()) == []


def test_given_a_longer_part_than_the_file_when_fetched_then_it_starts_over(
    server: Server, downloader: Downloader, tmp_path: Path
) -> None:
    (tmp_path / "a.zip.part").write_bytes(BODY + b"more")
    downloader.fetch(server.put("a.zip", BODY), tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == BODY
    assert server.asked == [("/a.zip", "")]


def test_given_a_file_that_is_gone_when_fetched_then_the_address_is_named_and_what_came_is_kept(
    server: Server, downloader: Downloader, tmp_path: Path
) -> None:
    (tmp_path / "gone.zip.part").write_bytes(b"abc")
    file = RemoteFile(server.url("gone.zip"), 10, "0" * 64)
    with pytest.raises(StagingError, match=r"gone\.zip: the server answers 404 Not Found: look whether"):
        downloader.fetch(file, tmp_path / "gone.zip")
    assert server.asked == [("/gone.zip", "bytes=3-")]
    assert (tmp_path / "gone.zip.part").read_bytes() == b"abc"


def test_given_a_busy_server_when_fetched_then_it_is_asked_again(
    server: Server, downloader: Downloader, tmp_path: Path
) -> None:
    server.does.statuses = [503, 500, 200]
    downloader.fetch(server.put("a.zip", BODY), tmp_path / "a.zip")
    assert len(server.asked) == 3
    assert (tmp_path / "a.zip").read_bytes() == BODY


def test_given_a_server_that_stays_busy_when_fetched_then_the_tries_are_bounded(
    server: Server, downloader: Downloader, tmp_path: Path
) -> None:
    server.does.statuses = [503] * 50
    with pytest.raises(StagingError, match=r"no answer \(too many 503 error responses\)"):
        downloader.fetch(server.put("a.zip", BODY), tmp_path / "a.zip")
    assert len(server.asked) == 4  # the first, and three tries more


def test_given_a_connection_that_always_breaks_when_fetched_then_the_tries_are_bounded_and_the_rest_is_kept(
    server: Server, downloader: Downloader, tmp_path: Path
) -> None:
    server.does.break_after = [1000] * 50
    with pytest.raises(StagingError, match="keeps breaking off"):
        downloader.fetch(server.put("a.zip", BODY), tmp_path / "a.zip")
    assert [asked for _, asked in server.asked] == ["", "bytes=1000-", "bytes=2000-", "bytes=3000-"]
    assert (tmp_path / "a.zip.part").read_bytes() == BODY[:4000]


def test_given_nobody_there_when_fetched_then_the_network_is_named(downloader: Downloader, tmp_path: Path,
                                                                   server: Server) -> None:
    file = server.put("a.zip", BODY)
    server.close()
    with pytest.raises(StagingError, match=r"no answer \(.*refused.*\): check the network and call again"):
        downloader.fetch(file, tmp_path / "a.zip")


def test_given_weights_without_a_checksum_when_fetched_then_a_damaged_array_is_found(
    server: Server, downloader: Downloader, tmp_path: Path
) -> None:
    good = zipped({"conv0_W.npy": BODY[:5000]})
    damaged = bytearray(good)
    damaged[200] ^= 0xFF
    file = dataclasses.replace(server.put("weights.npz", good), size_bytes=None, sha256="")
    server.does.bodies = [bytes(damaged)]
    downloader.fetch(file, tmp_path / "weights.npz")
    assert (tmp_path / "weights.npz").read_bytes() == good
    assert len(server.asked) == 2
