"""How the budgets of `spend` are kept: which run may start, how long an attempt may train, which one is not begun."""

from __future__ import annotations

import calendar
import dataclasses
import datetime as dt
import math

from app.contracts import worst_case
from app.contracts.attempts import STOP_GRACE_SECONDS
from app.contracts.prices import SECONDS_AN_HOUR, Prices
from app.contracts.settings import PipelineSettings
from lambdas.events import Attempt


def hold(settings: PipelineSettings, prices: Prices, spent: list[float | None], now: dt.datetime) -> str:
    """Why no run may start now; empty when one may.

    Args:
        settings: The deployment's.
        prices: Of its region.
        spent: USD of each run of this month; None where it is not known yet, which counts as the most it may be.
        now: UTC.
    """
    if objection := worst_case.objection(settings, prices):
        return objection
    limit = settings.spend.per_month_usd
    if limit is None:
        return ""
    most = worst_case.run_usd(settings, prices)
    total = sum(most if usd is None else usd for usd in spent)
    if total + most <= limit:
        return ""
    following = calendar.month_name[now.month % 12 + 1]
    return (
        f"the month's budget: {total:.2f} of {limit:g} USD are spent and a run may cost {most:.2f}: raise "
        f"spend.per_month_usd, lower spend.per_run_usd, or wait for {following}"
    )


def training_seconds(settings: PipelineSettings, prices: Prices, attempt: Attempt) -> int:
    """How long the attempt may train: to the limit of the settings, or as long as the run's budget pays for.

    What preparing and evaluating may cost at most is set aside first, and so are the two minutes that a job may take
    to stop. Not positive when nothing is left.
    """
    limit, budget = settings.training.max_runtime_seconds, settings.spend.per_run_usd
    if budget is None:
        return limit
    left = budget - worst_case.processing_usd(settings, prices) - spent(prices, attempt)
    per_hour = worst_case.usd_per_hour(settings, prices, settings.training.ladder[attempt.rung])
    return min(limit, math.floor(left / per_hour * SECONDS_AN_HOUR) - STOP_GRACE_SECONDS)


def spent(prices: Prices, attempt: Attempt) -> float:
    """USD of the training attempts that failed before this one."""
    return sum(
        past.billable_seconds * past.instance_count * prices.of(past.instance_type) / SECONDS_AN_HOUR
        for past in attempt.history
        if past.billable_seconds
    )


def affordable(settings: PipelineSettings, prices: Prices, attempt: Attempt) -> Attempt:
    """The attempt as decided, or the end of trying when the run's budget has no time left for it."""
    enough = worst_case.least_training_seconds(settings)
    if not attempt.again or training_seconds(settings, prices, attempt) >= enough:
        return attempt
    why = (
        f"no other attempt: training has cost {spent(prices, attempt):.2f} USD and spend.per_run_usd = "
        f"{settings.spend.per_run_usd:g} leaves too little for more: raise it, or train for less"
    )
    return dataclasses.replace(attempt, again=False, number=attempt.number - 1, why=why)
