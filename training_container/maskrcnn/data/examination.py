"""What can only be seen when all uploads are known: copies, and what is unusual beside the others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from app.contracts.dataset import Member
from maskrcnn.data import copies, suspicions
from maskrcnn.data.intake import Intake


def examine(
    intake: Intake,
    part_classes: Collection[str],
    image_of: Callable[[str, str], bytes],
    known_members: Iterable[Member] = (),
) -> None:
    """Add to the findings of an intake, and note near-duplicates in it.

    Args:
        intake: The uploads, each image checked by itself.
        part_classes: Classes that are the part itself.
        image_of: Image hash and extension -> the canonical bytes, of members as well.
        known_members: Of earlier versions.
    """
    copies.compare(intake, known_members, image_of)
    intake.findings.extend(suspicions.of_upload(intake.accepted.values(), part_classes))
