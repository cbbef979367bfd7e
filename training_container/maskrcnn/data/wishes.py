"""What is said about the split of each uploaded image, by all of its copies together."""

from __future__ import annotations

from collections.abc import Iterable

from maskrcnn.data import splits
from maskrcnn.data.draw import Wish
from maskrcnn.data.intake import Intake, Said


class Wishes:
    """The strongest wish for each image, worked out when it is asked for.

    Args:
        intake: The uploads.
        has_test: Test images exist already, in the parent version.
    """

    def __init__(self, intake: Intake, *, has_test: bool) -> None:
        self._said = intake.said
        self._words = {root: frozenset(said) for root, said in intake.said_in.items()}
        self._has_test = has_test or any(
            self._strongest(copies, has_test=False) == "test" for copies in intake.said.values()
        )

    def of(self, image_sha256: str) -> Wish:
        """The wish for an uploaded image."""
        return self._strongest(self._said[image_sha256], self._has_test)

    def _strongest(self, copies: Iterable[Said], has_test: bool) -> Wish:
        return splits.strongest(splits.wish(said.split, self._words[said.root], has_test) for said in copies)
