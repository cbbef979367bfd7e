"""Memory stays flat with the number of images: what is known of each lies in the ledger."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections import deque

from maskrcnn.data.examination import examine
from maskrcnn.data.history import Past
from maskrcnn.data.intake import Accepted, Intake, Said, Taken
from maskrcnn.data.ledger import Ledger
from maskrcnn.data.merge import merge

from app.contracts.dataset import LabelRecord, Member
from app.contracts.settings import DataSettings

BYTES_AN_IMAGE = 100
"""It is some 30; a hash alone, as text in a dict, would take 200."""

OTHER = LabelRecord("s", "png", "", 64, 48, ())
"""What each label of the earlier version said."""


def digest(*words):
    return hashlib.sha256(repr(words).encode()).hexdigest()


def uploaded(images, ledger):
    intake = Intake(ledger)
    for n in range(images):
        path = f"up/line/casting_{n:07d}.png"
        item = Accepted(path, digest("image", n), "png", digest("label", n), path, 64, 48, ("holes",) * (n % 3), 999,
                        digest("meaning", n), digest("print", n), (30 + n % 5,) * (n % 3), has_verdict=n % 2 == 0)
        intake.add(Taken(n, item=item, said=Said(path, "up", None)))
    return intake


def earlier(images):
    """The members of a version, of which uploads bring every second one again."""
    named = sorted((digest("image", 2 * n), n) for n in range(images))
    return [Member(sha, "png", digest("old", n), f"{n}.png", sha, "train", 64, 48, 1, 999, "s", digest("print", 2 * n))
            for sha, n in named]


def peak_bytes(work):
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_a_first_version_and_one_that_relabels_all_take_little_memory_an_image(tmp_path):
    """Given four times as many images, when they are taken in, compared, and merged, then memory hardly grows."""

    def prepare(images, members):
        intake = uploaded(images, Ledger(tmp_path / f"{images}-{len(members)}"))
        examine(intake, ("disk",), lambda *_: b"", members)
        merged = merge(Past(members), intake, DataSettings(), lambda _: OTHER)
        assert merged.count("added") + merged.count("relabelled") == images
        deque(merged.members, maxlen=0)
        deque(merged.changes, maxlen=0)

    prepare(50, earlier(20))  # what is made once and kept: caches of NumPy and of the contracts
    for share in (0, 2):
        few, many = earlier(1000 // share if share else 0), earlier(4000 // share if share else 0)
        grown = peak_bytes(lambda: prepare(4000, many)) - peak_bytes(lambda: prepare(1000, few))  # noqa: B023
        assert grown / 3000 < BYTES_AN_IMAGE
