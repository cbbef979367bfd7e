"""How budgets are kept, on prices that make the sums easy: 15 USD of processing at most, then training."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.contracts import errors, worst_case
from app.contracts.runs import TrainingAttempt
from app.contracts.settings import PipelineSettings
from lambdas.decisions import budget, ladder
from lambdas.events import Attempt, StateError
from tests.app.contracts.test_worst_case import PRICES, SETTINGS, limited

NOW = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)


def attempt(*seconds: int, rung: int = 0) -> Attempt:
    """The one after attempts that were billed so long, on two ml.g5.xlarge at 10 USD an hour each."""
    history = tuple(
        TrainingAttempt(f"train-{n}", "Failed", "ml.g5.xlarge", True, s, s, 0, instance_count=2)
        for n, s in enumerate(seconds, 1)
    )
    return Attempt(number=len(seconds) + 1, rung=rung, history=history)


@pytest.mark.parametrize(
    ("settings", "spent"),
    [
        (SETTINGS, [1e9]),  # no limit
        (limited(per_run=100), [1e9]),
        (limited(per_run=100, per_month=500), [400.0]),
        (limited(per_run=100, per_month=500), [100.0, 150.0, None]),  # one whose cost is not known yet: 100 at most
    ],
)
def test_given_room_in_the_budget_then_a_run_may_start(settings: PipelineSettings, spent: list[float | None]) -> None:
    assert budget.hold(settings, PRICES, spent, NOW) == ""


@pytest.mark.parametrize("spent", [[412.0], [300.0, 112.0], [312.0, None]])
def test_given_a_month_that_is_nearly_spent_then_the_numbers_and_the_way_out_are_told(
    spent: list[float | None],
) -> None:
    assert budget.hold(limited(per_run=100, per_month=500), PRICES, spent, NOW) == (
        "the month's budget: 412.00 of 500 USD are spent and a run may cost 100.00: raise spend.per_month_usd, lower "
        "spend.per_run_usd, or wait for December"
    )


def test_given_december_then_people_wait_for_january() -> None:
    said = budget.hold(limited(100, 500), PRICES, [500.0], NOW.replace(month=12))
    assert said.endswith("or wait for January")


def test_given_a_budget_that_cannot_be_kept_then_no_run_starts() -> None:
    blind = dataclasses.replace(PRICES, usd={})
    assert "the budget cannot be kept: no price of" in budget.hold(limited(per_run=100), blind, [], NOW)


def test_given_no_budget_then_training_has_the_time_of_the_settings_and_no_price_is_asked() -> None:
    blind = dataclasses.replace(PRICES, usd={})
    assert budget.training_seconds(SETTINGS, blind, attempt(7000)) == 2 * 3600 - 120
    assert budget.affordable(SETTINGS, blind, attempt(7000)).again


@pytest.mark.parametrize(
    ("per_run", "given_attempt", "seconds"),
    [
        (1000.0, attempt(), 2 * 3600 - 120),  # enough for the settings' own limit
        (35.0, attempt(), 3600 - 120),  # 20 USD are an hour of two machines at 10
        (35.0, attempt(1800), 1800 - 120),  # half of it is spent
        (35.0, attempt(900, 900), 1800 - 120),
        (35.0, attempt(rung=1), 1800 - 120),  # the rung may get machines at 20
        (35.0, attempt(3600), -120),
    ],
)
def test_given_a_budget_then_training_is_cut_to_what_is_left_of_it(
    per_run: float, given_attempt: Attempt, seconds: int
) -> None:
    assert budget.training_seconds(limited(per_run), PRICES, given_attempt) == seconds


def test_given_a_budget_that_is_used_up_then_no_other_attempt_is_made_and_it_says_why() -> None:
    wanted = dataclasses.replace(attempt(3000), time_limits=1)
    kept = budget.affordable(limited(35.0), PRICES, wanted)
    assert (kept.again, kept.number, kept.history) == (False, 1, wanted.history)
    assert kept.why == (
        "no other attempt: training has cost 16.67 USD and spend.per_run_usd = 35 leaves too little for more: raise "
        "it, or train for less"
    )
    assert budget.affordable(limited(35.0), PRICES, attempt(1800)) == attempt(1800)


@given(per_run=st.floats(23, 700), failures=st.lists(st.tuples(
    st.sampled_from([errors.TRAIN_CAPACITY, errors.TRAIN_INTERNAL, errors.TRAIN_TIME_LIMIT, errors.TRAIN_MEMORY]),
    st.floats(0, 1)), max_size=12))  # fmt: skip
def test_given_any_failures_when_every_attempt_runs_to_its_limit_then_no_run_costs_more_than_its_budget(
    per_run: float, failures: list[tuple[str, float]]
) -> None:
    """Each attempt takes a share of its time and the two minutes of grace, on the dearest machine it may get."""
    settings = limited(per_run)
    now, usd = Attempt(), worst_case.processing_usd(settings, PRICES)
    for error, share in failures:
        seconds = round(share * budget.training_seconds(settings, PRICES, now)) + 120
        dearest = max(settings.training.ladder[now.rung].instance_types, key=PRICES.of)
        usd += seconds * 2 * PRICES.of(dearest) / 3600
        spent = TrainingAttempt("j", "Failed", dearest, True, seconds, seconds, 0, instance_count=2)
        decided = ladder.next_attempt(settings.training, now, StateError(error, "{}"))
        decided = dataclasses.replace(decided, history=(*now.history, spent))
        now = budget.affordable(settings, PRICES, decided)
        if not now.again:
            break
    assert usd <= per_run + 0.01
