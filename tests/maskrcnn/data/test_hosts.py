"""Several hosts give, bit by bit, what one host gives; one that fails fails the job."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from maskrcnn.data.crew import Alone, Hosts, Share, crew_of
from maskrcnn.data.members import read_members
from maskrcnn.data.pipeline import Order, prepare
from maskrcnn.data.tree import UploadTree
from maskrcnn.layout import Layout
from maskrcnn.local_store import LocalStore
from maskrcnn.program import JobError

from app.contracts import documents, jobs, keys
from app.contracts.dataset import PrepareResult, SnapshotEntry
from app.contracts.settings import DataSettings
from tests.maskrcnn.data.conftest import Inbox

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
REPOSITORY = Path(__file__).parents[3]


def fill(inbox, picture):
    """Two formats, duplicates across folders, a broken file, a lone image, good castings: everything that counts."""
    for n in range(60):
        inbox.good(f"up/ds/{n}.png", class_name=("chipping", "holes")[n % 2])
    inbox.good("again/ds/copy.png", body=(inbox.root / "up/ds/img/7.png").read_bytes(), class_name="holes")
    inbox.good("again/ds/other-label.png", body=(inbox.root / "up/ds/img/8.png").read_bytes(), class_name="holes")
    inbox.good("again/ds/broken.jpg", body=picture(99, kind="JPEG")[:-300])
    inbox.put("again/ds/img/lonely.png", picture(77))
    for n in range(5):
        inbox.put(f"good/ok/{n}.png", picture(200 + n))


def together(hosts, inbox, folder, parent=None, **settings):
    """Prepare by that many hosts, as threads; returns the results by rank, errors too."""
    store, results = LocalStore(folder / "bucket"), [None] * hosts

    def work(rank):
        crew = Hosts(Share(rank, hosts), store, lambda name: f"parts/{name}", folder / f"parts-{rank}",
                     os.sched_yield)
        order = Order("run", parent, DataSettings(**settings))
        try:
            results[rank] = prepare(order, UploadTree.of_folder(inbox.root), store, folder / f"work-{rank}",
                                    folder / f"output-{rank}", (), crew)
        except JobError as problem:
            results[rank] = problem

    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(hosts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def content(folder):
    """Every object of the data set and the quarantine, byte by byte."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for part in ("dataset", "quarantine")
            for p in sorted((folder / part).rglob("*")) if p.is_file() and not p.name.endswith(".manifest")}


@pytest.mark.parametrize("hosts", [2, 3])
def test_the_version_is_the_same_bit_by_bit(inbox, tmp_path, picture, hosts):
    fill(inbox, picture)
    (one,) = together(1, inbox, tmp_path / "one")
    first, *others = together(hosts, inbox, tmp_path / "several")
    assert isinstance(one, PrepareResult)
    assert (first.version, first.images, first.warnings, first.quarantined) == (
        one.version, one.images, one.warnings, one.quarantined)
    assert others == [None] * (hosts - 1)
    assert content(tmp_path / "several/bucket") == content(tmp_path / "one/bucket")
    findings = [(tmp_path / name / "output-0/findings.json").read_bytes() for name in ("one", "several")]
    assert findings[0] == findings[1]
    assert list((tmp_path / "several/output-1").iterdir()) == []


def test_every_host_has_read_a_share_and_written_shards(inbox, tmp_path, picture):
    fill(inbox, picture)
    together(3, inbox, tmp_path)
    images = [{p.name for p in (tmp_path / f"work-{rank}/scratch/images").iterdir()} for rank in range(3)]
    assert sum(map(len, images)) in (len(set.union(*images)), len(set.union(*images)) + 2)  # copies may be on two
    assert all(len(share) > 10 for share in images)


def test_a_second_version_by_other_numbers_of_hosts(inbox, tmp_path, picture):
    fill(inbox, picture)
    (first,) = together(1, inbox, tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    for folder in ("a", "b"):
        for old in [*(tmp_path / folder).glob("work-*"), *(tmp_path / folder).glob("parts-*"),
                    tmp_path / folder / "bucket/parts"]:
            shutil.rmtree(old)
    inbox.good("more/ds/new.png")
    second, _ = together(2, inbox, tmp_path / "a", first.version)
    (same,) = together(1, inbox, tmp_path / "b", first.version)
    assert second.version == same.version != first.version
    assert content(tmp_path / "a/bucket") == content(tmp_path / "b/bucket")


def said(folder):
    """Rule -> how often it is in the findings of host 0."""
    found = json.loads((folder / "output-0/findings.json").read_text())
    return Counter(finding["rule"] for finding in found)


@pytest.mark.parametrize("hosts", [2, 3])
def test_lists_and_removals_are_the_same_bit_by_bit(inbox, tmp_path, picture, hosts):
    """Given lists of splits, then requests to remove, when hosts share both runs, then all is as one host makes it."""
    fill(inbox, picture)
    inbox.put("up/castline.json", {"split": {
        "test": [f"{n}.png" for n in range(10)], "val": [f"ds/img/{n}.png" for n in range(10, 20)],
        "train": [f"{n}.png" for n in range(20, 30)] + ["nowhere.png"]}})
    inbox.put("again/castline.json", {"split": {"train": ["copy.png"]}})  # the same photograph as up/ds/img/7.png
    more = Inbox(tmp_path / "more")
    for n in (3, 4, 60, 61):
        more.good(f"later/ds/{n}.png")
    by_hash = hashlib.sha256((inbox.root / "up/ds/img/25.png").read_bytes()).hexdigest()
    more.put("later/castline.json", {"remove": [*(f"{n}.png" for n in range(30, 40)), by_hash, "7.png", "nobody.png"]})
    numbers = {"one": 1, "several": hosts}
    first = {name: together(count, inbox, tmp_path / name)[0] for name, count in numbers.items()}
    assert said(tmp_path / "several") == said(tmp_path / "one")
    assert said(tmp_path / "one")["split-unknown"] == said(tmp_path / "one")["image-in-two-splits"] == 1
    second = {}
    for name, count in numbers.items():
        for old in [*(tmp_path / name).glob("*-*"), tmp_path / name / "bucket/parts"]:
            shutil.rmtree(old)
        second[name] = together(count, more, tmp_path / name, first[name].version)[0]
    assert (second["one"].removed, second["one"].added) == (12, 2)
    assert {**said(tmp_path / "one")}.items() >= {"images-removed": 1, "remove-unknown": 1}.items()
    assert first["several"].version == first["one"].version != second["one"].version == second["several"].version
    assert content(tmp_path / "several/bucket") == content(tmp_path / "one/bucket")
    texts = [(tmp_path / name / "output-0/findings.json").read_bytes() for name in numbers]
    assert texts[0] == texts[1]
    splits = Counter(m.split for m in read_members(LocalStore(tmp_path / "one/bucket"), first["one"].version)
                     if m.file_name in {f"ds/img/{n}.png" for n in range(10)})
    assert splits == {"test": 10}


def test_what_stops_one_stops_all_with_the_same_words(inbox, tmp_path, picture):
    for n in range(6):
        inbox.good(f"up/ds/{n}.png")
        inbox.put(f"up/ds/img/lonely-{n}.png", picture(n))
    results = together(3, inbox, tmp_path)
    assert {result.code for result in results} == {"DATA_TOO_MANY_BAD"}
    assert len({str(result) for result in results}) == 1


def test_an_unforeseen_failure_of_one_host_is_told_to_the_others(inbox, tmp_path, monkeypatch):
    fill_error = OSError("no space left on device")
    for n in range(30):
        inbox.good(f"up/ds/{n}.png")
    monkeypatch.setattr("maskrcnn.data.scratch.Scratch.keep_image",
                        lambda self, image: (_ for _ in ()).throw(fill_error) if "work-1" in str(self.folder) else None)
    store = LocalStore(tmp_path / "bucket")

    def crew(rank):
        return Hosts(Share(rank, 2), store, lambda name: f"parts/{name}", tmp_path / f"parts-{rank}", lambda: None)

    order = Order("run", None, DataSettings())
    with pytest.raises(OSError, match="no space left"):
        prepare(order, UploadTree.of_folder(inbox.root), store, tmp_path / "work-1", tmp_path / "o1", (), crew(1))
    with pytest.raises(JobError, match="host 2: OSError: no space left on device") as caught:
        crew(0).take("taken", 1)
    assert caught.value.code == "INTERNAL"


def test_each_upload_is_one_hosts():
    paths = [f"up/ds/img/{n}.png" for n in range(3000)]
    owners = [[rank for rank in range(3) if Share(rank, 3).has(path)] for path in paths]
    assert all(len(owner) == 1 for owner in owners)
    assert all(900 < sum(owner == [rank] for owner in owners) < 1100 for rank in range(3))
    assert all(Share().has(path) for path in paths)


def write_configuration(root, hosts, current, name="prepare-1"):
    (root / "config").mkdir(parents=True)
    (root / "config/resourceconfig.json").write_text(json.dumps({"current_host": current, "hosts": hosts}))
    (root / "config/processingjobconfig.json").write_text(json.dumps({"ProcessingJobName": name}))


def test_sagemaker_says_who_is_in_the_crew(tmp_path):
    write_configuration(tmp_path, ["algo-2", "algo-1", "algo-3"], "algo-2")
    store = LocalStore(tmp_path / "bucket")
    crew = crew_of(Layout(tmp_path), "run", store, tmp_path / "parts")
    assert crew.share == Share(1, 3)
    (tmp_path / "file").write_text("hello")
    crew.give("word", tmp_path / "file")
    assert list(store.keys("")) == [keys.prepare_parts("run", "prepare-1", "word-1")]
    assert crew.take("word", 1).read_text() == "hello"


def test_a_host_that_nobody_knows_is_an_error(tmp_path):
    write_configuration(tmp_path, ["algo-1"], "algo-2")
    with pytest.raises(JobError, match="algo-2 is none of algo-1"):
        crew_of(Layout(tmp_path), "run", LocalStore(tmp_path), tmp_path / "parts")


def test_one_host_needs_no_bucket_to_talk_to_itself(tmp_path):
    write_configuration(tmp_path, ["algo-1"], "algo-1")
    assert isinstance(crew_of(Layout(tmp_path), "run", LocalStore(tmp_path), tmp_path / "parts"), Alone)
    assert isinstance(crew_of(Layout(tmp_path / "none"), "run", LocalStore(tmp_path), tmp_path / "parts"), Alone)


class Job:
    """A processing job of real processes over one folder as bucket."""

    def __init__(self, folder, inbox):
        self.folder, self.bucket = folder, folder / "bucket"
        shutil.copytree(inbox.root, self.bucket / "inbox")
        entries = [SnapshotEntry(p.relative_to(self.bucket).as_posix(), "null", p.stat().st_size, "", "2026-01-01")
                   for p in sorted((self.bucket / "inbox").rglob("*")) if p.is_file()]
        snapshot = self.bucket / keys.snapshot("run")
        snapshot.parent.mkdir(parents=True)
        snapshot.write_text("".join(documents.to_json(entry) + "\n" for entry in entries))

    def start(self, hosts, name):
        names = [f"algo-{number}" for number in range(1, hosts + 1)]
        return [self._host(self.folder / name / host, names, host, name) for host in names]

    def _host(self, root, names, host, job):
        write_configuration(root, names, host, job)
        document = root / jobs.JOB_DOCUMENT
        document.parent.mkdir(parents=True)
        document.write_text(documents.to_json(
            jobs.PrepareJob("run", "bucket", keys.snapshot("run"), None, DataSettings(instances=len(names)))))
        environment = os.environ | {jobs.ML_ROOT_VARIABLE: str(root), "TF_CPP_MIN_LOG_LEVEL": "3",
                                    "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'training_container'}"}
        command = [sys.executable, str(Path(__file__).with_name("host.py")), str(self.bucket)]
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603


@pytest.mark.slow
def test_real_processes_and_a_job_that_is_done_again_after_a_death(inbox, tmp_path, picture):
    """Given a host that is killed before its first word, when the job is done again, then it ends as one host would."""
    fill(inbox, picture)
    (one,) = together(1, inbox, tmp_path / "one")
    job = Job(tmp_path, inbox)
    first = job.start(2, "prepare-1")
    first[1].kill()
    assert first[1].wait(60) != 0
    first[0].kill()  # as SageMaker ends the others
    first[0].wait(60)
    assert [host.wait(120) for host in job.start(2, "prepare-2")] == [0, 0]
    output = tmp_path / "prepare-2/algo-1" / jobs.PROCESSING_OUTPUT
    result = documents.from_json(PrepareResult, (output / "result.json").read_bytes())
    assert (result.version, result.images) == (one.version, one.images)
    assert content(job.bucket).keys() == content(tmp_path / "one/bucket").keys()
