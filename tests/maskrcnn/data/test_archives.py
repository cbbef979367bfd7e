"""Archives: unpacked like folders, and refused whole when they could write elsewhere or fill the disk."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile

import pytest
from maskrcnn.data import archives
from maskrcnn.data.tree import UploadTree


def zipped(members, **options):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, **options) as bundle:
        for name, body in members.items():
            bundle.writestr(name, body)
    return stream.getvalue()


def tarred(members, kind="w:gz"):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=kind) as bundle:
        for member, body in members:
            member.size = len(body)
            bundle.addfile(member, io.BytesIO(body))
    return stream.getvalue()


def plain_tar(members, kind):
    return tarred([(tarfile.TarInfo(name), body) for name, body in members.items()], kind)


def unpack(inbox, tmp_path):
    return archives.unpack(UploadTree.of_folder(inbox.root), tmp_path / "unpacked")


@pytest.mark.parametrize(("name", "pack"), [
    ("line.zip", zipped), ("line.TAR.GZ", lambda members: plain_tar(members, "w:gz")),
    ("line.tar", lambda members: plain_tar(members, "w")), ("line.txz", lambda members: plain_tar(members, "w:xz"))])
def test_members_stand_where_a_folder_would_have_them(inbox, tmp_path, name, pack):
    inbox.put(f"up/{name}", pack({"ds/img/a.png": b"image", "ds/ann/a.png.json": b"label", ".DS_Store": b"junk"}))
    inbox.put("up/b.png", b"beside")
    tree, refused = unpack(inbox, tmp_path)
    assert (tree.paths, refused) == (("up/b.png", "up/line/ds/ann/a.png.json", "up/line/ds/img/a.png"), [])
    assert [tree.read(path) for path in tree.paths] == [b"beside", b"label", b"image"]
    assert [p.name for p in (inbox.root / "up").iterdir() if p.is_dir()] == []


def test_a_folder_of_the_same_name_is_not_mixed_with_the_archive(inbox, tmp_path):
    inbox.put("up/line/a.png", b"folder")
    inbox.put("up/line.zip", zipped({"a.png": b"archive"}))
    tree, _ = unpack(inbox, tmp_path)
    assert {path: tree.read(path) for path in tree.paths} == {
        "up/line/a.png": b"folder", "up/line.zip/a.png": b"archive"}


def link(name, target):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, target
    return member


def special(name, kind):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, "/etc/passwd"
    return member


def zip_link():
    info = zipfile.ZipInfo("a.png")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return zipped({info: b"/etc/passwd"})


@pytest.mark.parametrize(("name", "body", "message"), [
    ("x.zip", zipped({"a.png": b"", "../evil.png": b"x"}), "holds '../evil.png', which leads out of its folder"),
    ("x.zip", zipped({"/evil.png": b"x"}), "holds '/evil.png', which leads out of its folder"),
    ("x.zip", zipped({"C:\\evil.png": b"x"}), "which leads out of its folder"),
    ("x.tar", tarred([(tarfile.TarInfo("a/../../evil.png"), b"x")], "w"), "which leads out of its folder"),
    ("x.tar", tarred([(link("a.png", "/etc/passwd"), b"")], "w"), "holds a.png, which is a link or a device"),
    ("x.tar", tarred([(special("a.png", tarfile.LNKTYPE), b"")], "w"), "which is a link or a device"),
    ("x.tar", tarred([(special("a.png", tarfile.CHRTYPE), b"")], "w"), "which is a link or a device"),
    ("x.tgz", tarred([(special("next", tarfile.XHDTYPE), bytes(2_000_000))]), "a header of 2,000,000 bytes"),
    ("x.tgz", tarred([(special("next", tarfile.GNUTYPE_LONGNAME), bytes(2_000_000))]), "a header of 2,000,000 bytes"),
    ("x.zip", zip_link(), "holds the link a.png: pack the files themselves"),
    ("x.zip", zipped({"a.png": b"x"})[:-30], "cannot be unpacked"),
    ("x.tgz", b"no archive", "cannot be unpacked"),
    ("x.tgz", tarred([(tarfile.TarInfo("a.png"), b"x" * 100_000)])[:-60], "cannot be unpacked"),
    ("x.zip", zipped({"a": b"x", "a/b": b"x"}), "cannot be unpacked"),
    ("x.tar", tarred([(tarfile.TarInfo("a"), b"1"), (tarfile.TarInfo("./a"), b"2")], "w"), "holds ./a twice"),
], ids=["above", "root", "drive", "tar-above", "tar-link", "tar-hard-link", "tar-device",
        "pax-bomb", "long-name-bomb", "zip-link", "zip-cut", "no-archive", "tgz-cut",
        "file-is-folder", "twice"])  # not the bytes, which hold the time
def test_what_no_folder_could_hold_is_refused_whole(inbox, tmp_path, name, body, message):
    inbox.put(f"up/{name}", body)
    tree, (refused,) = unpack(inbox, tmp_path)
    assert (tree.paths, refused.files) == ((f"up/{name}",), (f"up/{name}",))
    assert message in refused.finding.message
    assert list((tmp_path / "unpacked").rglob("*")) == []
    assert not list(tmp_path.rglob("evil*"))


def test_a_decompression_bomb_is_stopped(inbox, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "ALWAYS_ALLOWED_BYTES", 1000)
    inbox.put("up/bomb.zip", zipped({"a.png": b"\0" * 5_000_000}))
    inbox.put("up/fine.zip", zipped({"a.png": b"\0" * 900}))
    tree, (refused,) = unpack(inbox, tmp_path)
    assert refused.finding.message == ("bomb.zip: holds far more data than its size allows: upload the folder itself")
    assert tree.paths == ("up/bomb.zip", "up/fine/a.png")


def test_too_many_files_are_refused(inbox, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_FILES", 2)
    inbox.put("up/many.zip", zipped({"1.png": b"1", "2.png": b"2", "3.png": b"3"}))
    inbox.put("up/two.zip", zipped({"1.png": b"1", "2.png": b"2"}))
    tree, (refused,) = unpack(inbox, tmp_path)
    assert "more than 2 files: pack it again" in refused.finding.message
    assert tree.paths == ("up/many.zip", "up/two/1.png", "up/two/2.png")


def test_a_password_is_told(inbox, tmp_path):
    body = bytearray(zipped({"a.png": b"secret"}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        body[body.index(signature) + offset] |= 1
    inbox.put("up/x.zip", bytes(body))
    _, (refused,) = unpack(inbox, tmp_path)
    assert refused.finding.message == "x.zip: holds a.png under a password: pack it without one"


def test_archives_that_stay_packed_are_told(inbox, take_in):
    inbox.good("up/ds/a.png")
    inbox.put("up/more.rar", b"Rar!")
    inbox.put("up/outer.zip", zipped({"inner.zip": zipped({"a.png": b""})}))
    taken = take_in(inbox)
    assert taken.messages() == [
        "more.rar: is not unpacked: upload its folder, or pack it as one zip or tar",
        "inner.zip: is not unpacked: upload its folder, or pack it as one zip or tar"]


def test_an_archive_that_was_refused_is_told_once(inbox, take_in):
    inbox.put("up/x.tar.gz", b"no archive")
    taken = take_in(inbox)
    assert ([f.rule for f in taken.refused], taken.findings) == (["archive-unreadable"], [])
