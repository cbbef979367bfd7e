"""Images that people ask out of the data set, by castline.json: `{"remove": ["casting_7.png", "0a1b2c3d"]}`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from app.contracts import image_names
from app.contracts.dataset import Finding, Member
from app.contracts.uploads import NOTE_NAME
from maskrcnn.data import findings
from maskrcnn.data.tree import UploadTree, join

_NAMED = 5


@dataclasses.dataclass(frozen=True)
class Request:
    """One note that asks for removals.

    Attributes:
        note: Its path below the inbox.
        asked_at: When it was uploaded, ISO 8601.
        names: The images, as said.
    """

    note: str
    asked_at: str
    names: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Removals:
    """What comes of the requests: hashes of the members that leave, and what to tell."""

    images: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()


def requests(uploads: UploadTree, noted: UploadTree) -> list[Request]:
    """The requests in the uploads.

    Args:
        uploads: The tree as it came, which knows the age of its notes.
        noted: The same with its notes read.
    """
    paths = {join(folder, NOTE_NAME): note for folder, note in sorted(noted.notes.items()) if note.remove}
    return [Request(path, uploads.modified[path], note.remove) for path, note in paths.items()]


def resolve(asked: Sequence[Request], members: Iterable[Member], uploaded_at: Mapping[str, str]) -> Removals:
    """Find the members that are meant; of a removal and an upload of the same image the later one counts.

    Args:
        asked: The requests.
        members: Of the parent version; read once, and only when something is asked.
        uploaded_at: Image hash -> when it was uploaded, for the images of this run.
    """
    meant = image_names.meant((name for request in asked for name in request.names), members)
    images: set[str] = set()
    found: list[Finding] = []
    for request in asked:
        gone: dict[str, Member] = {}
        for name in dict.fromkeys(request.names):
            hits = meant.get(name, [])
            if len(hits) != 1:
                found.append(_not_one(request, name, hits))
            elif uploaded_at.get(hits[0].image_sha256, "") > request.asked_at:
                found.append(_overtaken(request, name))
            else:
                gone[hits[0].image_sha256] = hits[0]
        if gone:
            found.append(_removed(request, list(gone.values())))
        images.update(gone)
    return Removals(frozenset(images), tuple(found))


def _removed(request: Request, gone: Sequence[Member]) -> Finding:
    listed = ", ".join(member.file_name for member in gone[:_NAMED])
    more = f" and {len(gone) - _NAMED} more" if len(gone) > _NAMED else ""
    images = "1 image leaves" if len(gone) == 1 else f"{len(gone)} images leave"
    return findings.warning(request.note, "note", "images-removed", f"{images} the data set as asked: {listed}{more}")


def _not_one(request: Request, name: str, hits: Sequence[Member]) -> Finding:
    if not hits:
        message = f"asks to remove {name}, which is no image of the data set: check the name"
        return findings.warning(request.note, name, "remove-unknown", message)
    listed = ", ".join(f"{member.file_name} ({member.image_sha256[:12]})" for member in hits[:_NAMED])
    message = f"asks to remove {name}, which may be {listed}: none was removed, give the hash of one"
    return findings.warning(request.note, name, "remove-ambiguous", message)


def _overtaken(request: Request, name: str) -> Finding:
    message = f"asks to remove {name}, which was uploaded again after that: it stays"
    return findings.warning(request.note, name, "remove-overtaken", message)
