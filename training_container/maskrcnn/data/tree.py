"""The uploaded files on the local disk, seen as one tree below the inbox."""

from __future__ import annotations

import bisect
import dataclasses
import functools
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path, PurePosixPath

from app.contracts.uploads import UploadNote
from maskrcnn.data.path_index import ImageNames

_PAPERS = ("readme", "license", "licence", "notice", "provenance", "changelog")
_JUNK_NAMES = frozenset({"Thumbs.db", "desktop.ini", "_READY"})


def is_junk(path: str) -> bool:
    """True for what file managers and markers leave behind: hidden files, __MACOSX, Thumbs.db, _READY."""
    parts = PurePosixPath(path).parts
    hidden = any(part.startswith(".") and part != ".." for part in parts)
    return hidden or "__MACOSX" in parts or parts[-1] in _JUNK_NAMES


def is_paper(path: str) -> bool:
    """True for what accompanies a published data set and labels nothing: README.txt, LICENSE.md."""
    return PurePosixPath(path).name.lower().startswith(_PAPERS)


@dataclasses.dataclass(frozen=True)
class UploadTree:
    """Files below `root` by their path below the inbox (`<upload>/<relative path>`).

    Attributes:
        root: Local folder that stands for the inbox.
        modified: path -> when it was uploaded (ISO 8601, or any text that sorts by time).
        places: path -> local file, for files that lie elsewhere than below `root`: out of archives.
        notes: folder -> what its castline.json says.
        fetch: Brings a file to its place below `root` when it is not there: on a host that works on a share of the
            uploads, and needs one of another share all the same.
        aliases: class name -> the class it stands for, in every upload.
        kept: The paths that count, sorted; all unless given.
    """

    root: Path
    modified: Mapping[str, str]
    places: Mapping[str, Path] = dataclasses.field(default_factory=dict)
    notes: Mapping[str, UploadNote] = dataclasses.field(default_factory=dict)
    fetch: Callable[[str], None] | None = None
    aliases: Mapping[str, str] = dataclasses.field(default_factory=dict)
    kept: tuple[str, ...] | None = None

    @classmethod
    def of_folder(cls, root: Path) -> UploadTree:
        """A tree of all files of a plain local folder, all of the same age."""
        files = (f.relative_to(root).as_posix() for f in root.rglob("*") if f.is_file())
        return cls(root, {path: "" for path in files if not is_junk(path)})

    @functools.cached_property
    def paths(self) -> tuple[str, ...]:
        """All paths, sorted."""
        return tuple(sorted(self.modified)) if self.kept is None else self.kept

    @functools.cached_property
    def folders(self) -> Mapping[str, tuple[str, ...]]:
        """Folder -> the paths directly in it, sorted; the inbox itself is ''."""
        folders: dict[str, list[str]] = {}
        for path in self.paths:
            folders.setdefault(parent(path), []).append(path)
        return {folder: tuple(paths) for folder, paths in folders.items()}

    @functools.cached_property
    def images(self) -> ImageNames:
        """The pictures by name, built once for all data sets."""
        return ImageNames(self.paths)

    def __contains__(self, path: str) -> bool:
        place = bisect.bisect_left(self.paths, path)
        return place < len(self.paths) and self.paths[place] == path

    def local(self, path: str) -> Path:
        """Where the file lies on this machine."""
        place = self.places.get(path) or self.root / path
        if self.fetch and not place.exists():
            self.fetch(path)
        return place

    def read(self, path: str) -> bytes:
        """The bytes of one file."""
        return self.local(path).read_bytes()

    def note(self, folder: str) -> UploadNote:
        """What the nearest castline.json at or above a folder says; an empty note where there is none."""
        while folder and folder not in self.notes:
            folder = parent(folder)
        return self.notes.get(folder) or UploadNote()

    def aliases_at(self, path: str) -> dict[str, str]:
        """What class names stand for in a label file: the nearest castline.json wins over the settings."""
        return {**self.aliases, **self.note(parent(path)).aliases}

    def below(self, folder: str) -> UploadTree:
        """The same tree with the files below one folder only."""
        return self._with(below(self.paths, folder))

    def without(self, paths: Collection[str]) -> UploadTree:
        """The same tree without some of its files."""
        return self._with(path for path in self.paths if path not in paths) if paths else self

    def _with(self, paths: Iterable[str]) -> UploadTree:
        return dataclasses.replace(self, kept=tuple(paths))

    def age_of(self, upload: str) -> str:
        """When the newest file of an upload (first folder) arrived."""
        return self._ages.get(upload, "")

    @functools.cached_property
    def _ages(self) -> Mapping[str, str]:
        ages: dict[str, str] = {}
        for path in self.paths:
            upload = upload_of(path)
            ages[upload] = max(self.modified[path], ages.get(upload, ""))
        return ages


def upload_of(path: str) -> str:
    """The upload a path belongs to: its first folder, '' for a file directly in the inbox."""
    first, slash, _ = path.partition("/")
    return first if slash else ""


def parent(path: str) -> str:
    """The folder of a path or folder; '' is the inbox itself."""
    return path.rpartition("/")[0]


def join(folder: str, name: str) -> str:
    """A path below a folder, which may be ''."""
    return f"{folder}/{name}" if folder else name


def below(paths: Iterable[str], folder: str) -> list[str]:
    """The paths that lie anywhere below a folder."""
    return [p for p in paths if not folder or p.startswith(folder + "/")]
