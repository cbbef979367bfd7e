"""The links of the chain, one after the other; each says what was seen, or why it failed."""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from app import cloud, deploy
from app.cli.watch import show_progress
from app.client import predictions, runs, uploads
from app.client.pipeline import Pipeline, PipelineError
from app.contracts import keys
from app.contracts.runs import RunRecord
from app.demo import castings, pictures, refusals
from app.demo.summary import Asked, Link, Summary
from app.embedded import control
from app.embedded.settings import EmbeddedError, default_state

ENVIRONMENT = "local"
MARKER = "made-by-demo"
START_SECONDS = 120
"""How long the gate may take to notice an upload."""


class BrokenChainError(Exception):
    """A link failed; the rest of the chain makes no sense."""


@dataclasses.dataclass
class Chain:
    """The demo as it goes on.

    Attributes:
        data: Folder to upload; None for generated castings.
        folder: Where results go.
        console: Where progress goes.
        port: Port of the embedded AWS; None for the default.
        strict: Whether policies decide, and what they refuse is shown.
    """

    data: Path | None
    folder: Path
    console: Console
    port: int | None = None
    strict: bool = False
    links: list[Link] = dataclasses.field(default_factory=list)
    began: float = dataclasses.field(default_factory=time.monotonic)
    record: RunRecord | None = None
    asked: tuple[Asked, ...] = ()
    report: str = ""
    sheet: str = ""

    def run(self) -> Summary:
        """Go through all links; the first that fails ends the chain."""
        try:
            self._link("Embedded AWS", self._up)
            self._link("Deploy", self._deploy)
            pipeline = cloud.connect(ENVIRONMENT)
            self._link("Upload", lambda: self._upload(pipeline))
            run_id = self._link("Run starts by itself", lambda: self._started(pipeline))
            self._link("Run", lambda: self._follow(pipeline, run_id))
            self._link("Report", lambda: self._fetch_report(pipeline, run_id))
            self._link("Predict", lambda: self._predict(pipeline))
            if self.strict:
                self._link("Refused", lambda: self._refused(pipeline))
        except BrokenChainError:
            pass
        return self._summary()

    def _link(self, name: str, step: Callable[[], str]) -> str:
        began = time.monotonic()
        self.console.rule(f"[bold]{name}", align="left")
        try:
            proof = step()
        except (PipelineError, EmbeddedError) as error:
            self.links.append(Link(name, False, time.monotonic() - began, str(error)))
            self.console.print(f"[red]{name} failed:[/] {error}")
            raise BrokenChainError from error
        self.links.append(Link(name, True, time.monotonic() - began, proof))
        self.console.print(proof)
        return proof

    def _up(self) -> str:
        """Start from nothing, but never over somebody's own work."""
        state = default_state()
        if state.exists():
            if not (state / MARKER).exists():
                raise PipelineError(f"{state} holds an embedded AWS of your own: move it away, or show the demo "
                                    "elsewhere: CASTLINE_STATE=build/demo/aws make demo")
            control.down()
            shutil.rmtree(state)
        state.mkdir(parents=True)
        (state / MARKER).touch()
        started = control.up(self.port, strict=self.strict)
        return f"up at {started.endpoint_url}, state in {started.state}"

    def _deploy(self) -> str:
        deploy.deploy(ENVIRONMENT, aws=False)
        return "five stacks: network, data, image, pipeline, operations"

    def _upload(self, pipeline: Pipeline) -> str:
        source = self.data or castings.draw(self.folder / "castings")
        plan = uploads.plan(source, None, datetime.now(UTC))
        uploads.upload(pipeline, plan, ready=True, on_file=lambda _: None)
        return f"{plan.images} images and {len(plan.files) - plan.images} label files into inbox/{plan.name}/"

    def _started(self, pipeline: Pipeline) -> str:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if known := runs.run_ids(pipeline, 1):
                return known[0]
            time.sleep(0.5)
        raise PipelineError(f"no run within {START_SECONDS} s after the upload: python -m app run says why")

    def _follow(self, pipeline: Pipeline, run_id: str) -> str:
        ended = show_progress(pipeline, run_id, self.console)
        self.record = runs.record(pipeline, run_id)
        if ended.status != "SUCCEEDED" or self.record is None:
            raise PipelineError(f"run {run_id}: {ended.error} {ended.cause}")
        if self.record.outcome != "PROMOTED":
            raise PipelineError(f"run {run_id} was not promoted: {'; '.join(self.record.decision)}")
        return (f"promoted: mask AP {100 * (self.record.mask_ap or 0):.1f}, "
                f"verdicts right {100 * (self.record.verdict_accuracy or 0):.0f} %")

    def _fetch_report(self, pipeline: Pipeline, run_id: str) -> str:
        page = runs.read_object(pipeline, keys.run_report(run_id))
        if page is None:
            raise PipelineError(f"run {run_id} left no report")
        path = self.folder / "report.html"
        path.write_bytes(page)
        self.report = str(path)
        return self.report

    def _predict(self, pipeline: Pipeline) -> str:
        unseen = self.folder / "unseen"
        if self.data is None:
            images = castings.draw_unseen(unseen)
        else:
            images = castings.fetch_test_images(pipeline, self.record.version or "" if self.record else "", unseen)
        overlays = self.folder / "predictions"
        overlays.mkdir(parents=True, exist_ok=True)
        self.asked = tuple(_ask(pipeline, image, overlays) for image in images)
        if not any(a.instances for a in self.asked):
            raise PipelineError(f"the endpoint found nothing at all in {len(images)} photographs")
        drawn = [Path(a.picture) for a in self.asked]
        self.sheet = str(pictures.contact_sheet(drawn, self.folder / "predictions.png"))
        with_part = sum(a.part_found for a in self.asked)
        return (f"{len(images)} castings it never saw: part found in {with_part}, "
                f"{sum(a.defects for a in self.asked)} defects; pictures in {self.sheet}")

    def _refused(self, pipeline: Pipeline) -> str:
        running = control.status()
        if running is None:
            raise PipelineError("the embedded AWS has ended")
        return refusals.show(pipeline, running)

    def _summary(self) -> Summary:
        record = self.record
        return Summary(
            ok=all(link.ok for link in self.links),
            data=str(self.data or "generated castings"),
            seconds=round(time.monotonic() - self.began, 1),
            links=tuple(self.links),
            states=record.states if record else (),
            run_id=record.run_id if record else "",
            outcome=record.outcome if record else "",
            box_ap=record.box_ap if record else None,
            mask_ap=record.mask_ap if record else None,
            verdict_accuracy=record.verdict_accuracy if record else None,
            asked=self.asked,
            report=self.report,
            pictures=self.sheet,
        )


def _ask(pipeline: Pipeline, image: Path, overlays: Path) -> Asked:
    """One question to the endpoint, with its picture."""
    prediction = predictions.predict(pipeline, image).prediction
    picture = overlays / f"{image.stem}.png"
    picture.write_bytes(predictions.overlay(pipeline, image))
    defects = sum(i.role == "defect" for i in prediction.instances)
    return Asked(
        file=image.name,
        verdict=prediction.verdict.label,
        instances=len(prediction.instances),
        defects=defects,
        part_found=any(i.role == "part" for i in prediction.instances),
        picture=str(picture),
    )
