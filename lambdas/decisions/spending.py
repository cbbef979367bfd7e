"""What the jobs of a run cost, estimated from billable seconds and the price table."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from app.contracts.prices import SECONDS_AN_HOUR, Prices
from app.contracts.runs import JobSpend, Spend

DIGITS = 4
"""A hundredth of a cent."""


def estimate(jobs: Iterable[JobSpend], prices: Prices) -> Spend:
    """Price the jobs of one run.

    Billable seconds count one instance and are, for spot, already without what spot saved (API reference of
    DescribeTrainingJob, BillableTimeInSeconds): so cost is billable seconds x instances x the on-demand price.
    """
    priced = tuple(dataclasses.replace(job, usd=_usd(job, job.billable_seconds, prices)) for job in jobs)
    saved = (_usd(job, job.seconds - job.billable_seconds, prices) or 0.0 for job in priced if job.spot)
    return Spend(
        usd=round(sum(job.usd or 0.0 for job in priced), DIGITS),
        saved_usd=round(sum(saved), DIGITS),
        region=prices.region,
        prices_as_of=prices.as_of,
        jobs=priced,
        unpriced=tuple(sorted({job.instance_type for job in priced if job.usd is None})),
    )


def _usd(job: JobSpend, seconds: int, prices: Prices) -> float | None:
    """Price of so many seconds of the job's machines; a job that never had any costs nothing."""
    if seconds <= 0:
        return 0.0
    price = prices.find(job.instance_type)
    return None if price is None else round(seconds * job.instance_count * price / SECONDS_AN_HOUR, DIGITS)
