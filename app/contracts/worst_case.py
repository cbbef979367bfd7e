"""What a run can cost at most, and whether the budgets of a deployment can be kept at all.

The bound counts every attempt that the pipeline may make by itself, each to its limit of time, on machines that spot
saves nothing on. A budget per run bounds it further, because training is then cut short (lambdas.decisions.budget).
"""

from __future__ import annotations

from app.contracts.attempts import PROCESSING_ATTEMPTS, STOP_GRACE_SECONDS, TRAINING_RETRIES
from app.contracts.prices import SECONDS_AN_HOUR, Prices
from app.contracts.settings import PipelineSettings, Rung

MIN_TRAINING_SECONDS = 600
"""An attempt that a budget leaves less than this would pay for a start and learn nothing."""


def least_training_seconds(settings: PipelineSettings) -> int:
    """An attempt that has less time than this is not begun."""
    return min(MIN_TRAINING_SECONDS, settings.training.max_runtime_seconds)


def machines(settings: PipelineSettings) -> tuple[str, ...]:
    """Every instance type that a run may use."""
    processing = settings.processing
    types = {processing.prepare_instance_type, processing.evaluate_instance_type}
    return tuple(sorted(types.union(*(rung.instance_types for rung in settings.training.ladder))))


def processing_usd(settings: PipelineSettings, prices: Prices) -> float:
    """Of prepare and evaluate, each as often as it may be done again."""
    processing = settings.processing
    hours = PROCESSING_ATTEMPTS * (processing.max_runtime_seconds + STOP_GRACE_SECONDS) / SECONDS_AN_HOUR
    prepare = prices.of(processing.prepare_instance_type) * settings.data.instances
    return hours * (prepare + prices.of(processing.evaluate_instance_type))


def usd_per_hour(settings: PipelineSettings, prices: Prices, rung: Rung) -> float:
    """Of all hosts of a training job, on the dearest type that the rung may get."""
    return max(map(prices.of, rung.instance_types)) * settings.training.instance_count


def training_usd(settings: PipelineSettings, prices: Prices) -> float:
    """Of one attempt on every rung and all repetitions on the dearest, without a budget."""
    hours = (settings.training.max_runtime_seconds + STOP_GRACE_SECONDS) / SECONDS_AN_HOUR
    rungs = [usd_per_hour(settings, prices, rung) for rung in settings.training.ladder]
    return hours * (sum(rungs) + TRAINING_RETRIES * max(rungs))


def run_usd(settings: PipelineSettings, prices: Prices) -> float:
    """Of one run.

    Raises:
        UnknownPriceError: a machine of the run has no known price.
    """
    most = processing_usd(settings, prices) + training_usd(settings, prices)
    limit = settings.spend.per_run_usd
    return most if limit is None else min(most, limit)


def objection(settings: PipelineSettings, prices: Prices) -> str:
    """Why the budgets cannot be kept, or let no run happen, and what to change; empty when all is well."""
    spend = settings.spend
    if spend.per_run_usd is None and spend.per_month_usd is None:
        return ""
    unknown = tuple(name for name in machines(settings) if prices.find(name) is None)
    if unknown:
        return f"the budget cannot be kept: {prices.unknown(unknown)}"
    return _too_small_for_a_run(settings, prices) or _too_small_for_a_month(settings, prices)


def _too_small_for_a_run(settings: PipelineSettings, prices: Prices) -> str:
    limit = settings.spend.per_run_usd
    if limit is None:
        return ""
    processing = processing_usd(settings, prices)
    dearest = max(usd_per_hour(settings, prices, rung) for rung in settings.training.ladder)
    least = least_training_seconds(settings)
    training = dearest * (least + STOP_GRACE_SECONDS) / SECONDS_AN_HOUR
    if processing + training <= limit:
        return ""
    return (
        f"spend.per_run_usd = {limit:g}: preparing and evaluating may cost {processing:.2f} USD "
        f"({PROCESSING_ATTEMPTS} attempts of {settings.processing.max_runtime_seconds} s each) and the first {least} s "
        f"of training {training:.2f}: raise it to at least {processing + training:.2f}, or lower "
        "processing.max_runtime_seconds"
    )


def _too_small_for_a_month(settings: PipelineSettings, prices: Prices) -> str:
    limit, most = settings.spend.per_month_usd, run_usd(settings, prices)
    if limit is None or most <= limit:
        return ""
    return (
        f"spend.per_month_usd = {limit:g}: one run may cost {most:.2f} USD, so none would ever start: raise it, or set "
        f"spend.per_run_usd to at most {limit:g}, which cuts training short"
    )
