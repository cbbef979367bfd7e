"""What a run can cost at most, on prices that make the sums easy."""

from __future__ import annotations

import dataclasses

import pytest

from app.contracts.documents import ContractError
from app.contracts.prices import Prices, UnknownPriceError
from app.contracts.settings import (
    DataSettings,
    PipelineSettings,
    ProcessingSettings,
    Rung,
    SpendSettings,
    TrainingSettings,
)
from app.contracts.worst_case import objection, processing_usd, run_usd, training_usd

HOUR_LESS_GRACE = 3600 - 120
PRICES = Prices("us-east-1", "2026-01-01", {"ml.m5.xlarge": 1.0, "ml.m5.2xlarge": 2.0, "ml.g5.xlarge": 10.0,
                                            "ml.g6.xlarge": 20.0})  # fmt: skip
SETTINGS = PipelineSettings(
    "dev",
    data=DataSettings(instances=3),
    processing=ProcessingSettings(max_runtime_seconds=HOUR_LESS_GRACE),
    training=TrainingSettings(
        ladder=(
            Rung(("ml.g5.xlarge",), spot=True, max_wait_seconds=7200),
            Rung(("ml.g5.xlarge", "ml.g6.xlarge"), spot=False),
        ),
        max_runtime_seconds=2 * 3600 - 120,
        instance_count=2,
    ),
)


def limited(per_run: float | None = None, per_month: float | None = None) -> PipelineSettings:
    return dataclasses.replace(SETTINGS, spend=SpendSettings(per_run, per_month))


def test_given_prices_and_limits_then_every_attempt_that_may_happen_is_counted() -> None:
    assert processing_usd(SETTINGS, PRICES) == pytest.approx(3 * (3 * 1.0 + 2.0))
    # 2 h on 2 hosts: both rungs once (10 and 20 USD an hour), and 2 + 1 + 3 repetitions on the dearer.
    assert training_usd(SETTINGS, PRICES) == pytest.approx(2 * 2 * (10 + 20 + 6 * 20))
    assert run_usd(SETTINGS, PRICES) == pytest.approx(15 + 600)


def test_given_a_budget_for_a_run_then_no_run_costs_more_and_a_cheap_one_keeps_its_own_bound() -> None:
    assert run_usd(limited(100), PRICES) == 100
    assert run_usd(limited(10_000), PRICES) == pytest.approx(615)


def test_given_a_machine_without_a_price_then_there_is_no_bound() -> None:
    blind = dataclasses.replace(PRICES, usd={"ml.m5.xlarge": 1.0, "ml.m5.2xlarge": 2.0})
    with pytest.raises(UnknownPriceError, match=r"ml\.g5\.xlarge"):
        run_usd(SETTINGS, blind)
    assert objection(SETTINGS, blind) == ""  # nobody asked for a limit
    said = objection(limited(per_month=1000), blind)
    assert said.startswith("the budget cannot be kept: no price of ml.g5.xlarge, ml.g6.xlarge in us-east-1 is known")


@pytest.mark.parametrize(("per_run", "per_month"), [(None, None), (23.0, None), (100.0, 100.0), (None, 615.1)])
def test_given_budgets_that_let_a_run_happen_then_nothing_is_wrong(
    per_run: float | None, per_month: float | None
) -> None:
    assert objection(limited(per_run, per_month), PRICES) == ""


def test_given_a_budget_that_pays_for_no_training_then_the_numbers_say_so() -> None:
    # 15 USD of processing, and 600 + 120 s on two of the dearest machines.
    assert objection(limited(22.9), PRICES) == (
        "spend.per_run_usd = 22.9: preparing and evaluating may cost 15.00 USD (3 attempts of 3480 s each) and the "
        "first 600 s of training 8.00: raise it to at least 23.00, or lower processing.max_runtime_seconds"
    )


def test_given_a_month_that_no_run_fits_in_then_the_numbers_say_so() -> None:
    assert objection(limited(per_month=500), PRICES) == (
        "spend.per_month_usd = 500: one run may cost 615.00 USD, so none would ever start: raise it, or set "
        "spend.per_run_usd to at most 500, which cuts training short"
    )


@pytest.mark.parametrize(
    ("per_run", "per_month", "message"),
    [
        (0.0, None, "spend.per_run_usd = 0.0: must be above 0, or null; for example 50"),
        (None, -1.0, "spend.per_month_usd = -1.0: must be above 0, or null; for example 500"),
        (50.0, 20.0, "spend.per_month_usd = 20.0: must be at least spend.per_run_usd = 50.0, or no run ever starts; "
                     "for example 500"),
    ],
)  # fmt: skip
def test_given_a_limit_that_makes_no_sense_then_it_is_refused(
    per_run: float | None, per_month: float | None, message: str
) -> None:
    with pytest.raises(ContractError) as caught:
        SpendSettings(per_run, per_month)
    assert str(caught.value) == message
