"""When the uploads in the inbox start a run."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import PurePosixPath

from app.contracts import keys
from app.contracts.errors import JOB_CAPACITY, JOB_INTERNAL, TRAIN_CAPACITY, TRAIN_INTERNAL
from app.contracts.settings import GateSettings
from app.contracts.uploads import IMAGE_SUFFIXES, is_archive

TRANSIENT_ERRORS = frozenset(
    {
        JOB_CAPACITY,
        JOB_INTERNAL,
        TRAIN_CAPACITY,
        TRAIN_INTERNAL,
        "States.Timeout",
        "States.HeartbeatTimeout",
        "States.ServiceRestart",
        "Lambda.ClientExecutionTimeoutException",
        "Lambda.ServiceException",
        "Lambda.Unknown",
        "Runtime.ExitError",
        "Lambda.SdkClientException",
        "Lambda.TooManyRequestsException",
        "Sandbox.Timedout",
    }
)
"""The same uploads may succeed another time; every other failure needs a person or other uploads."""
MAX_RETRIES = 3


@dataclasses.dataclass(frozen=True)
class Inbox:
    """What lies in the inbox, as listed."""

    images: int = 0
    others: int = 0
    """Annotations and whatever else was uploaded."""
    archives: int = 0
    """Each is a whole data set, of how many images nobody knows before it is unpacked."""
    oldest: dt.datetime | None = None
    newest: dt.datetime | None = None
    ready: bool = False
    """The _READY marker is there."""

    @property
    def uploads(self) -> int:
        """How much is new: an image with its annotation counts once, an annotation or an archive alone counts too."""
        return max(self.images, self.others) + self.archives

    def enough(self, wanted: int) -> bool:
        """Whether this is worth a run when that many uploads are; a data set in an archive always is."""
        return self.archives > 0 or self.uploads >= wanted

    def with_object(self, key: str, modified: dt.datetime) -> Inbox:
        """Count one object more."""
        if key == keys.READY_MARKER:
            return dataclasses.replace(self, ready=True)
        if key.endswith("/"):  # the console's folders
            return self
        archive = is_archive(key)
        is_image = PurePosixPath(key).suffix.lower() in IMAGE_SUFFIXES
        return dataclasses.replace(
            self,
            images=self.images + is_image,
            others=self.others + (not is_image and not archive),
            archives=self.archives + archive,
            oldest=min(self.oldest or modified, modified),
            newest=max(self.newest or modified, modified),
        )


@dataclasses.dataclass(frozen=True)
class LastFailure:
    """The run before failed and left the inbox as it was: item GATE / LAST_FAILURE of the state table."""

    run_id: str
    error: str
    started_at: str
    """UTC, ISO 8601; what was uploaded later is new."""
    ended_at: str
    failures: int = 1
    """In a row."""

    @property
    def retryable(self) -> bool:
        """Whether the same uploads may be tried again without a person."""
        return self.error in TRANSIENT_ERRORS and self.failures <= MAX_RETRIES

    def retry_at(self, settings: GateSettings) -> dt.datetime:
        """Back off by the quiet time, doubled for each failure in a row."""
        delay = settings.quiet_seconds * 2 ** (self.failures - 1)
        return dt.datetime.fromisoformat(self.ended_at) + dt.timedelta(seconds=delay)


@dataclasses.dataclass(frozen=True)
class Decision:
    """Start or wait, and why."""

    start: bool
    reason: str
    run_id: str = ""
    """The run that was started, once it is."""


def decide(
    settings: GateSettings, inbox: Inbox, now: dt.datetime, *, forced: bool = False, failure: LastFailure | None = None
) -> Decision:
    """Decide whether to start a run; the inbox as listed is the truth, whatever woke the gate.

    After a failure the same uploads wait: for the back-off when the error was transient, else for a person or for
    newer uploads, because they would only fail again.
    """
    if forced:
        return Decision(True, f"a person asked for it, {_uploads(inbox)}")
    if inbox.uploads == 0 or inbox.oldest is None or inbox.newest is None:
        return Decision(False, "the inbox is empty")
    if inbox.ready:
        return Decision(True, f"_READY marker, {_uploads(inbox)}")
    seen = inbox.newest.replace(microsecond=0)  # a run starts at a whole second
    if failure and seen <= dt.datetime.fromisoformat(failure.started_at):
        return _after(failure, settings, inbox, now)
    quiet, waited = (now - inbox.newest).total_seconds(), (now - inbox.oldest).total_seconds()
    if waited >= settings.max_wait_seconds:
        return Decision(True, f"{_uploads(inbox)}, the oldest has waited for {waited:.0f} s")
    # What a transient failure left was enough once, and newer uploads beside it must not make it wait.
    again = failure is not None and failure.retryable and now >= failure.retry_at(settings)
    enough = again or inbox.enough(settings.min_new_images)
    if enough and quiet >= settings.quiet_seconds:
        return Decision(True, f"{_uploads(inbox)}, quiet for {quiet:.0f} s")
    if not enough:
        return Decision(False, f"{_uploads(inbox)}, but {settings.min_new_images} start a run")
    return Decision(False, f"{_uploads(inbox)}, quiet for {quiet:.0f} s of {settings.quiet_seconds} s")


def _after(failure: LastFailure, settings: GateSettings, inbox: Inbox, now: dt.datetime) -> Decision:
    if not failure.retryable:
        return Decision(
            False,
            f"{_uploads(inbox)} on which run {failure.run_id} failed ({failure.error}): correct them, upload more, "
            "or force a run",
        )
    retry_at = failure.retry_at(settings)
    if now < retry_at:
        return Decision(False, f"{_uploads(inbox)}; run {failure.run_id} is tried again at {retry_at.isoformat()}")
    return Decision(True, f"{_uploads(inbox)}, again after {failure.error} in run {failure.run_id}")


def _uploads(inbox: Inbox) -> str:
    """`24 new images and 25 other files`."""
    counted = [
        (inbox.archives, "archive"),
        (inbox.images, "new image"),
        (inbox.others, "other file" if inbox.images else "new file"),
    ]
    return " and ".join(f"{n} {noun}{'' if n == 1 else 's'}" for n, noun in counted if n) or "no new file"
