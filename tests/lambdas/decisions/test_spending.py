"""What a run's jobs cost, on prices that make the sums easy."""

from __future__ import annotations

from app.contracts.prices import Prices
from app.contracts.runs import JobSpend
from lambdas.decisions.spending import estimate

PRICES = Prices("us-east-1", "2026-01-01", {"ml.m5.xlarge": 0.36, "ml.g5.xlarge": 3.6})
PREPARE = JobSpend("prepare-1", "ml.m5.xlarge", 4, False, 100, 100)
LOST = JobSpend("train-1", "ml.g5.xlarge", 2, True, 0, 0)
TRAIN = JobSpend("train-2", "ml.g5.xlarge", 2, True, 1000, 300)


def test_given_jobs_then_billable_seconds_count_once_for_each_machine_and_spot_is_not_deducted_twice() -> None:
    spend = estimate([PREPARE, LOST, TRAIN], PRICES)
    assert [job.usd for job in spend.jobs] == [0.04, 0.0, 0.6]
    assert (spend.usd, spend.saved_usd) == (0.64, 1.4)
    assert (spend.region, spend.prices_as_of, spend.unpriced) == ("us-east-1", "2026-01-01", ())


def test_given_a_machine_of_unknown_price_then_the_sum_leaves_it_out_and_says_so() -> None:
    spend = estimate([PREPARE, JobSpend("train-1", "ml.p5.48xlarge", 1, True, 50, 10)], PRICES)
    assert [job.usd for job in spend.jobs] == [0.04, None]
    assert (spend.usd, spend.saved_usd, spend.unpriced) == (0.04, 0.0, ("ml.p5.48xlarge",))


def test_given_no_jobs_then_nothing_was_spent() -> None:
    assert estimate([], PRICES).usd == 0.0
