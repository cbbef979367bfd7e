"""The whole job: shards and artifacts in, every document of the evaluation out."""

from __future__ import annotations

import base64
import io
import json
import re
import tarfile
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from maskrcnn import rle
from maskrcnn.data import shards
from maskrcnn.detections import Detections
from maskrcnn.evaluation import gallery
from maskrcnn.evaluation.truth import LabelledImage
from maskrcnn.layout import Layout
from maskrcnn.model_card import ModelCard
from maskrcnn.program import JobError
from maskrcnn.programs.evaluate import evaluate
from maskrcnn.serving.answer import answer
from maskrcnn.serving.images import decode
from PIL import Image

from app.contracts import documents
from app.contracts.dataset import ClassDefinition, ClassStatistics, LabelInstance, LabelRecord, Shard, VersionManifest
from app.contracts.evaluation import EvaluationResult, GoldenSet, ImageResult
from app.contracts.jobs import EvaluateJob
from app.contracts.prediction import Instance
from app.contracts.settings import PromotionSettings, VerdictSettings

# pycocotools 2.0.11 with NumPy 2
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

VERSION, CHALLENGER, CHAMPION = "9f31ab7c", "20261120-081245-a1b2c3", "20261101-081245-ffffff"


class Remembering:
    """Answers each image with what it was told."""

    def __init__(self, card: ModelCard, answers: dict[bytes, tuple[Instance, ...]]) -> None:
        self.card, self._answers = card, answers
        self._ids = {definition.name: definition.id for definition in card.classes}

    def warm_up(self) -> None:
        pass

    def predict(self, image: np.ndarray, min_score: float = 0.0) -> Detections:
        found = [i for i in self._answers[image.tobytes()] if i.score >= min_score]
        corners = [(i.bbox[0], i.bbox[1], i.bbox[0] + i.bbox[2], i.bbox[1] + i.bbox[3]) for i in found]
        return Detections(
            np.array(corners, np.float32).reshape(-1, 4),
            np.array([i.score for i in found], np.float32),
            np.array([self._ids[i.class_name] for i in found], np.int32),
            np.array([rle.decode(i.mask) for i in found], bool).reshape(-1, *image.shape[:2]),
        )


class Job:
    """An evaluate job laid out on disk."""

    def __init__(self, root: Path, images: list[LabelledImage], classes: tuple[ClassDefinition, ...]) -> None:
        self.layout = Layout(root)
        self.images, self.classes = sorted(images, key=lambda image: image.sha256), classes
        self.models: dict[str, Remembering] = {}
        self._write_data()

    def add_model(self, who: str, run_id: str, answers: list, classes: tuple | None = None) -> None:
        card = ModelCard(run_id, VERSION, classes or self.classes, "tiny", {}, 10)
        told = {decode(image.encoded).tobytes(): found for image, found in zip(self.images, answers, strict=True)}
        self.models[run_id] = Remembering(card, told)
        folder = self.layout.processing_input(who)
        folder.mkdir()
        content = documents.to_json(card).encode()
        with tarfile.open(folder / "model.tar.gz", "w:gz") as tar:
            member = tarfile.TarInfo("model.json")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))

    def run(self, champion: str | None = None, **settings: object) -> Path:
        document = EvaluateJob(
            CHALLENGER, VERSION, champion, 4, PromotionSettings(bootstrap_samples=200, **settings), VerdictSettings()
        )
        self.layout.job_document.parent.mkdir(exist_ok=True)
        self.layout.job_document.write_text(documents.to_json(document))
        evaluate(self.layout, lambda folder: self.models[ModelCard.read(folder).run_id])
        return self.layout.processing_output

    def _write_data(self) -> None:
        def example(image: LabelledImage) -> bytes:
            labels = tuple(LabelInstance(i.class_name, i.bbox, i.mask, i.area_px) for i in image.instances)
            record = LabelRecord(image.sha256, "png", image.file_name, image.width, image.height, labels)
            return shards.encode(record, image.encoded, ids)

        ids = {definition.name: definition.id for definition in self.classes}
        test, dataset = self.layout.processing_input("test"), self.layout.processing_input("dataset")
        test.mkdir(parents=True)
        dataset.mkdir()
        shards.write_examples((example(image) for image in self.images), test)
        statistics = tuple(ClassStatistics(c.name, {"test": 1, "train": 7}, {}, 100.0, 10.0) for c in self.classes)
        files = {"test": (Shard("shard-00000", 8, 1),)}
        images = {"train": 7, "val": 0, "test": 8}
        manifest = VersionManifest(VERSION, None, self.classes, images, files, statistics, 1, 0, 0)
        (dataset / "manifest.json").write_text(documents.to_json(manifest))


@pytest.fixture
def job(tmp_path: Path, rect: Callable, image: Callable, classes: tuple[ClassDefinition, ...]) -> Job:
    """Eight castings: the first four (by hash) are bad with one chipping, the others good."""
    bare = sorted((image(number, []) for number in range(8)), key=lambda each: each.sha256)
    disk, chipping = rect("disk", 4, 4, 88, 88), rect("chipping", 20, 30, 12, 10)
    numbers = [int(each.file_name[5:-4]) for each in bare]
    labelled = [image(n, [disk, chipping] if rank < 4 else [disk]) for rank, n in enumerate(numbers)]
    return Job(tmp_path, labelled, classes)


@pytest.fixture
def good(rect: Callable) -> list[tuple[Instance, ...]]:
    """Right but for one escape (image 3) and one overkill (image 4)."""
    disk, chipping = rect("disk", 4, 4, 88, 88, score=0.99), rect("chipping", 20, 30, 12, 10, score=0.9)
    alarm = rect("chipping", 60, 60, 9, 9, score=0.7)
    return [(disk, chipping)] * 3 + [(disk,)] + [(disk, alarm)] + [(disk,)] * 3


@pytest.fixture
def poor(rect: Callable) -> list[tuple[Instance, ...]]:
    """Finds the disk only, and badly."""
    return [(rect("disk", 4, 4, 60, 88, score=0.8),)] * 8


def read(output: Path) -> EvaluationResult:
    return documents.from_json(EvaluationResult, (output / "result.json").read_text())


def test_a_first_model_is_scored_without_a_champion(job: Job, good: list) -> None:
    job.add_model("challenger", CHALLENGER, good)
    result = read(job.run())
    assert (result.run_id, result.version, result.test_images) == (CHALLENGER, VERSION, 8)
    assert (result.champion, result.gain) == (None, None)
    disk, chipping, holes = result.challenger.classes
    assert (disk.instances, disk.mask_ap, disk.recall50) == (8, 1.0, 1.0)
    assert (chipping.instances, chipping.recall50) == (4, 0.75)
    assert (holes.instances, holes.mask_ap, holes.recall50) == (0, -1.0, -1.0)
    verdict = result.challenger.verdict
    assert (verdict.ng_images, verdict.escape_rate, verdict.overkill_rate, verdict.accuracy) == (4, 0.25, 0.25, 0.75)
    assert result.challenger.milliseconds_per_image > 0


def test_images_jsonl_has_a_line_an_image(job: Job, good: list) -> None:
    job.add_model("challenger", CHALLENGER, good)
    lines = [documents.from_json(ImageResult, line) for line in (job.run() / "images.jsonl").read_text().splitlines()]
    assert [(line.truth, line.verdict) for line in lines] == [
        ("NG", "NG"), ("NG", "NG"), ("NG", "NG"), ("NG", "OK"), ("OK", "NG"), ("OK", "OK"), ("OK", "OK"), ("OK", "OK"),
    ]  # fmt: skip
    assert [(line.matched, line.missed, line.false_alarms) for line in lines[2:6]] == [
        (2, 0, 0), (1, 1, 0), (1, 0, 1), (1, 0, 0),
    ]  # fmt: skip
    assert [line.file_name for line in lines] == [image.file_name for image in job.images]


def test_a_better_challenger_gains_beyond_noise_over_the_champion(job: Job, good: list, poor: list) -> None:
    job.add_model("challenger", CHALLENGER, good)
    job.add_model("champion", CHAMPION, poor)
    result = read(job.run(CHAMPION))
    assert result.champion.run_id == CHAMPION
    assert result.gain.samples == 200
    assert 0 < result.gain.low < result.gain.high


def test_a_champion_with_other_classes_is_compared_by_name(job: Job, good: list, rect: Callable) -> None:
    """Given a champion whose class ids differ and that knows a class which is gone, same answers give no gain."""
    scratch = rect("scratch", 70, 8, 9, 9, score=0.99)
    own = tuple(
        ClassDefinition(number, name, "part" if name == "disk" else "defect")
        for number, name in enumerate(("scratch", "chipping", "disk"), start=1)
    )
    job.add_model("challenger", CHALLENGER, good)
    job.add_model("champion", CHAMPION, [(scratch, *answers) for answers in good], own)
    result = read(job.run(CHAMPION))
    assert result.champion.mask == result.challenger.mask
    assert (result.gain.low, result.gain.high) == (0.0, 0.0)
    assert [scores.name for scores in result.champion.classes] == ["disk", "chipping", "holes"]
    assert result.champion.verdict.overkill_rate == 1.0  # it would say NG for its scratches


def test_the_golden_set_is_what_the_endpoint_will_answer(job: Job, good: list) -> None:
    """Given four golden images, both labels are there and each answer equals serving's, but for the time it took."""
    job.add_model("challenger", CHALLENGER, good)
    folder = job.run() / "golden"
    golden = documents.from_json(GoldenSet, (folder / "golden.json").read_text())
    assert golden.run_id == CHALLENGER
    assert sorted(answer.prediction.verdict.label for answer in golden.answers) == ["NG", "NG", "OK", "OK"]
    for each in golden.answers:
        served = answer(job.models[CHALLENGER], decode((folder / each.file).read_bytes()), VerdictSettings())
        assert (served.instances, served.verdict, served.model_version) == (
            each.prediction.instances, each.prediction.verdict, each.prediction.model_version,
        )  # fmt: skip


def test_golden_images_avoid_scores_at_the_threshold(job: Job, good: list, rect: Callable) -> None:
    """Given two NG answers close to the threshold, the clear ones are taken before them."""
    disk = good[0][0]
    close = (disk, rect("chipping", 20, 30, 12, 10, score=0.52))
    job.add_model("challenger", CHALLENGER, [close, close, *good[2:]])
    golden = documents.from_json(GoldenSet, (job.run() / "golden/golden.json").read_text())
    assert all(abs(i.score - 0.5) > 0.05 for each in golden.answers for i in each.prediction.instances)


def test_the_worst_errors_are_pictures_escapes_first(job: Job, good: list) -> None:
    job.add_model("challenger", CHALLENGER, good)
    pictures = sorted((job.run() / "worst").iterdir())
    escaped, overkilled = (Path(job.images[position].file_name).stem for position in (3, 4))
    assert [path.name for path in pictures] == [f"01-escape-{escaped}.png", f"02-overkill-{overkilled}.png"]
    with Image.open(pictures[0]) as picture:
        assert picture.size == (2 * 720 + 12, 720 + 44)


class Page(HTMLParser):
    """Collects what a browser would fetch, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]
        assert tag not in ("script", "link", "iframe")

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_report_is_one_page_that_fetches_nothing_and_says_what_was_found(job: Job, good: list, poor: list) -> None:
    job.add_model("challenger", CHALLENGER, good)
    job.add_model("champion", CHAMPION, poor)
    html = (job.run(CHAMPION) / "report.html").read_text()
    page = Page()
    page.feed(html)
    assert page.fetched
    assert all(address.startswith("data:image/jpeg;base64,") for address in page.fetched)
    assert "url(" not in html
    assert "@import" not in html
    words = " ".join(page.text.split())
    for said in (
        CHALLENGER,
        CHAMPION,
        "Better than the serving model, beyond noise.",
        "1 of 4 bad castings called OK",
        "1 of 4 good castings called NG",
        "2 found",
        "How to read this page",
    ):
        assert said in words
    result = json.loads((job.layout.processing_output / "result.json").read_text())
    assert f"{result['challenger']['mask']['ap'] * 100:.1f}" in words


def test_the_report_shows_every_test_image_and_stays_bounded(job: Job, good: list, monkeypatch) -> None:
    """Given room for two large pictures and three small ones: the worst are large, the last ones are named."""
    monkeypatch.setattr(gallery, "LARGE", 2)
    monkeypatch.setattr(gallery, "SMALL", 3)
    job.add_model("challenger", CHALLENGER, good)
    html = (job.run() / "report.html").read_text()
    sizes = [Image.open(io.BytesIO(base64.b64decode(uri))).size[0]
             for uri in re.findall(r"data:image/jpeg;base64,([^\"]+)", html)]
    assert sizes == [2 * 720 + 12] * 2 + [2 * 320 + 12] * 3
    places = [html.index(job.images[position].file_name) for position in (3, 4)]
    assert places == sorted(places)  # the escape before the overkill
    assert all(image.file_name in html for image in job.images)
    assert f"{len(job.images) - 5} more, without a picture here" in html


def test_a_small_set_is_shown_large_altogether(job: Job, good: list) -> None:
    job.add_model("challenger", CHALLENGER, good)
    html = (job.run() / "report.html").read_text()
    assert html.count("<figure>") == len(job.images) == 8
    assert 'class="pairs"' not in html
    assert "without a picture" not in html


def test_names_from_outside_cannot_become_markup(image: Callable, tmp_path: Path) -> None:
    evil = (ClassDefinition(1, "<script>alert(1)</script>", "defect"),)
    other = Job(tmp_path, [image(1, [])], evil)
    other.add_model("challenger", CHALLENGER, [()])
    html = (other.run() / "report.html").read_text()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_a_missing_input_is_named(job: Job, good: list) -> None:
    job.add_model("challenger", CHALLENGER, good)
    with pytest.raises(JobError, match=r"champion/model\.tar\.gz: missing"):
        job.run(CHAMPION)
    (job.layout.processing_input("dataset") / "manifest.json").unlink()
    with pytest.raises(JobError, match=r"manifest\.json: missing: start the job with this input"):
        job.run()


def test_nothing_unpacked_is_left_behind(job: Job, good: list) -> None:
    job.add_model("challenger", CHALLENGER, good)
    job.run()
    assert sorted(path.name for path in job.layout.root.iterdir()) == ["processing"]
