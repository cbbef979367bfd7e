"""Program `prepare`: uploads in, a data-set version out. The work is in maskrcnn.data."""

from __future__ import annotations

import logging
import shutil

from app.contracts import documents, jobs
from maskrcnn import program
from maskrcnn.data.crew import crew_of
from maskrcnn.data.fetch import fetch
from maskrcnn.data.pipeline import Order, prepare
from maskrcnn.layout import Layout
from maskrcnn.storage import S3Store


def run(layout: Layout) -> None:
    """Read job.json, fetch the snapshot, prepare it, and clean up."""
    logging.getLogger("botocore").setLevel(logging.WARNING)  # where credentials come from is nobody's news
    job = documents.from_json(jobs.PrepareJob, program.read_input(layout.job_document))
    store = S3Store(job.bucket)
    work = layout.root / "processing/work"
    shutil.rmtree(work, ignore_errors=True)
    try:
        crew = crew_of(layout, job.run_id, store, work / "parts")
        tree, rejected = fetch(store, job.snapshot_key, work / "inbox", crew.share)
        order = Order(job.run_id, job.parent_version, job.data)
        prepare(order, tree, store, work, layout.processing_output, rejected, crew)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def main() -> int:
    """Entry point; returns the exit status."""
    return program.main(run)
