"""When uploads start a run."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.contracts import keys
from app.contracts.settings import GateSettings
from lambdas.decisions.gate import MAX_RETRIES, TRANSIENT_ERRORS, Inbox, LastFailure, decide

NOW = dt.datetime(2026, 11, 2, 12, 0, tzinfo=dt.UTC)
SETTINGS = GateSettings(min_new_images=20, quiet_seconds=600, max_wait_seconds=86_400)


def ago(seconds: float) -> dt.datetime:
    return NOW - dt.timedelta(seconds=seconds)


def inbox(images: int, newest: float, oldest: float, *, ready: bool = False) -> Inbox:
    return Inbox(images=images, others=images, oldest=ago(oldest), newest=ago(newest), ready=ready)


def failure(error: str, failures: int = 1, started: float = 3600, ended: float = 1200) -> LastFailure:
    return LastFailure("r1", error, ago(started).isoformat(), ago(ended).isoformat(), failures)


@pytest.mark.parametrize(
    ("content", "starts", "reason"),
    [
        (Inbox(), False, "the inbox is empty"),
        (inbox(20, 600, 700), True, "20 new images and 20 other files, quiet for 600 s"),
        (inbox(20, 599, 700), False, "20 new images and 20 other files, quiet for 599 s of 600 s"),
        (inbox(19, 9_000, 9_000), False, "19 new images and 19 other files, but 20 start a run"),
        (inbox(1, 5, 86_400), True, "1 new image and 1 other file, the oldest has waited for 86400 s"),
        (inbox(1, 1, 1, ready=True), True, "_READY marker, 1 new image and 1 other file"),
        (Inbox(ready=True), False, "the inbox is empty"),
        (Inbox(archives=1, oldest=ago(700), newest=ago(600)), True, "1 archive, quiet for 600 s"),
        (Inbox(archives=1, oldest=ago(700), newest=ago(10)), False, "1 archive, quiet for 10 s of 600 s"),
    ],
)
def test_given_an_inbox_when_looked_at_then_a_run_is_due_or_not(content: Inbox, starts: bool, reason: str) -> None:
    assert decide(SETTINGS, content, NOW) == (type(decide(SETTINGS, content, NOW)))(starts, reason)


def test_given_an_empty_inbox_when_a_person_forces_then_a_run_starts() -> None:
    assert decide(SETTINGS, Inbox(), NOW, forced=True).start


def test_given_images_with_annotations_when_counted_then_each_pair_is_one_upload() -> None:
    found = Inbox()
    for key in ("inbox/img/a.JPG", "inbox/ann/a.jpg.json", "inbox/img/b.png", "inbox/ann/b.png.json", "inbox/img/"):
        found = found.with_object(key, NOW)
    assert (found.images, found.others, found.uploads) == (2, 2, 2)


def test_given_an_archive_when_counted_then_it_is_neither_image_nor_annotation() -> None:
    found = Inbox().with_object("inbox/line-3.TAR.gz", NOW).with_object("inbox/ann/a.json", NOW)
    assert (found.images, found.others, found.archives, found.uploads) == (0, 1, 1, 2)


def test_given_only_annotations_when_counted_then_a_relabelling_counts_too() -> None:
    found = Inbox().with_object("inbox/ann/a.jpg.json", ago(5)).with_object("inbox/ann/b.jpg.json", ago(9))
    assert (found.uploads, found.newest, found.oldest) == (2, ago(5), ago(9))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (Inbox(images=1), "1 new image"),
        (Inbox(others=2), "2 new files"),
        (Inbox(images=2, others=1), "2 new images and 1 other file"),
        (Inbox(), "no new file"),
    ],
)
def test_given_an_inbox_when_told_then_images_and_other_files_are_apart(content: Inbox, words: str) -> None:
    assert decide(SETTINGS, content, NOW, forced=True).reason == f"a person asked for it, {words}"


def test_given_the_marker_when_counted_then_it_is_no_upload_and_makes_nothing_newer() -> None:
    assert Inbox().with_object(keys.READY_MARKER, NOW) == Inbox(ready=True)


@pytest.mark.parametrize(
    ("last", "content", "starts"),
    [
        (failure("JobDataError"), inbox(30, 5000, 5000), False),  # the same uploads would fail again
        (failure("JobDataError"), inbox(30, 700, 5000), True),  # something newer came
        (failure("JobDataError"), inbox(30, 5000, 5000, ready=True), True),  # a person said so
        (failure("TrainCapacityError"), inbox(2, 5000, 5000), True),  # fewer than min_new, but accepted before
        (failure("TrainCapacityError", failures=2), inbox(30, 5000, 5000), True),  # 1200 s after, back-off 1200 s
        (failure("TrainCapacityError", failures=2, ended=1199), inbox(30, 5000, 5000), False),
        (failure("TrainCapacityError"), inbox(3, 700, 5000), True),  # newer uploads do not make the old ones wait
        (failure("TrainCapacityError"), inbox(3, 599, 5000), False),  # but they must be complete
        (failure("JobDataError", started=5000), inbox(30, 4999.5, 5001), False),  # fractions of a second are not newer
        (failure("TrainCapacityError", failures=MAX_RETRIES + 1), inbox(30, 99_000, 99_000), False),
    ],
)
def test_given_a_failed_run_when_its_uploads_are_looked_at_again_then_only_what_may_help_starts(
    last: LastFailure, content: Inbox, starts: bool
) -> None:
    assert decide(SETTINGS, content, NOW, failure=last).start is starts


def test_given_a_permanent_failure_when_a_person_forces_then_a_run_starts() -> None:
    assert decide(SETTINGS, inbox(3, 5000, 5000), NOW, forced=True, failure=failure("JobDataError")).start


@given(
    images=st.integers(0, 60),
    newest=st.integers(0, 200_000),
    extra=st.integers(0, 200_000),
    ready=st.booleans(),
    error=st.sampled_from([None, "JobDataError", *sorted(TRANSIENT_ERRORS)]),
    failures=st.integers(1, MAX_RETRIES),
)
def test_given_any_inbox_when_nothing_else_happens_then_it_starts_or_needs_a_person_but_never_stalls(
    images: int, newest: int, extra: int, ready: bool, error: str | None, failures: int
) -> None:
    """Level-triggered: time alone must lead to a run, except for an empty inbox and a permanent failure."""
    content = inbox(images, newest, newest + extra, ready=ready) if images else Inbox(ready=ready)
    last = failure(error, failures) if error else None
    much_later = NOW + dt.timedelta(days=3)
    held = last is not None and last.error not in TRANSIENT_ERRORS and not ready
    new = content.newest is not None and (last is None or content.newest > dt.datetime.fromisoformat(last.started_at))
    assert decide(SETTINGS, content, much_later, failure=last).start is (images > 0 and (new or not held))
