"""Alarms: each means that a person should look, and says at what."""

from __future__ import annotations

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from app.contracts import names
from app.contracts.serving import ServingSettings
from infra.functions import SIZES
from infra.metrics import AVERAGE, Metrics
from infra.settings import DeploymentSettings

MISSED_CLOCKS = 3
"""A function whose clock has been silent this many times is not running."""
INBOX_AGE_SECONDS = 1800
BACKLOG_AGE_SECONDS = 1800
EVENT_HANDLERS = tuple(handler for handler, size in SIZES.items() if size.asynchronous)
AT_LEAST = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
MISSING_IS_FINE = cloudwatch.TreatMissingData.NOT_BREACHING
MISSING_IS_BAD = cloudwatch.TreatMissingData.BREACHING


class PipelineAlarms(Construct):
    """All alarms; each tells the topic when it goes off and when it is over.

    A function that fails in a state fails its run, which has an alarm; so only the functions that events wake
    have one for errors of their own.

    Attributes:
        all: The alarms.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: DeploymentSettings, topic: sns.ITopic) -> None:
        super().__init__(scope, construct_id)
        self._environment = settings.environment
        self._action = actions.SnsAction(topic)
        self._metrics = Metrics(Stack.of(self), settings.environment)
        self.all: list[cloudwatch.Alarm] = []
        self._runs()
        self._functions()
        self._clocks(settings)
        self._queues()
        self._endpoint()
        self._rollout(settings.pipeline.serving)
        if settings.pipeline.serving.mode == "async":
            self._backlog()
        self._budget(settings)

    def _runs(self) -> None:
        for metric, what in (
            ("ExecutionsFailed", "failed"),
            ("ExecutionsTimedOut", "ran out of time"),
            ("ExecutionsAborted", "was aborted"),
        ):
            self._alarm(
                f"run-{metric.removeprefix('Executions').lower()}",
                self._metrics.run(metric),
                f"A run {what}: `python -m app runs` shows which, its run record says why.",
            )

    def _functions(self) -> None:
        for handler in EVENT_HANDLERS:
            self._alarm(
                f"{handler}-errors",
                self._metrics.function(handler, "Errors"),
                f"The function {handler} fails: read its log group.",
            )

    def _clocks(self, settings: DeploymentSettings) -> None:
        for handler, minutes in (
            ("gate", settings.triggers.gate_every_minutes),
            ("reconcile", settings.triggers.reconcile_every_minutes),
        ):
            metric = self._metrics.function(handler, "Invocations").with_(period=Duration.minutes(minutes))
            self._alarm(
                f"{handler}-silent",
                metric,
                f"The function {handler} has not run for {MISSED_CLOCKS * minutes} minutes: is its rule disabled?",
                operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
                periods=MISSED_CLOCKS,
                missing=MISSING_IS_BAD,
            )

    def _queues(self) -> None:
        for owner in ("inbox", *EVENT_HANDLERS):
            queue = names.dead_letters(self._environment, owner)
            self._alarm(
                f"{owner}-dead-letters",
                self._metrics.queue(queue, "ApproximateNumberOfMessagesVisible"),
                f"Events that {owner} could not process lie in {queue}: look, then redrive or purge.",
            )
        self._alarm(
            "inbox-waiting",
            self._metrics.queue(names.inbox_queue(self._environment), "ApproximateAgeOfOldestMessage"),
            "Upload events wait although the gate should have taken them: read the gate's log group.",
            threshold=INBOX_AGE_SECONDS,
        )

    def _endpoint(self) -> None:
        self._alarm(
            "endpoint-5xx",
            self._metrics.endpoint("Invocation5XXErrors"),
            "The endpoint answers with server errors: read its log group; since a promotion? `python -m app rollback`.",
        )
        self._alarm(
            "endpoint-model-errors",
            self._metrics.endpoint("InvocationModelErrors"),
            "The model server answers with errors of its own: read the endpoint's log group.",
            threshold=5,
        )
        self._alarm(
            "endpoint-slow",
            self._metrics.endpoint("ModelLatency", AVERAGE),
            "The model takes more than 30 s an image; SageMaker gives up after 60 s.",
            threshold=30_000_000,
            periods=2,
        )

    def _rollout(self, serving: ServingSettings) -> None:
        """Alarms for SageMaker alone, which goes back to the old machines: the run that failed tells people."""
        if not serving.on_machines or not serving.bake_seconds:
            return
        minute, prefix = Duration.minutes(1), f"{names.prefix(self._environment)}-"
        errors, slow = (name.removeprefix(prefix) for name in names.rollout_alarms(self._environment))
        self._alarm(
            errors,
            self._metrics.endpoint("Invocation5XXErrors").with_(period=minute),
            "The endpoint answers with server errors: an update of it that goes on now is rolled back.",
            tell=False,
        )
        self._alarm(
            slow,
            self._metrics.endpoint("ModelLatency", AVERAGE).with_(period=minute),
            f"The model takes more than {serving.max_latency_ms} ms: an update of the endpoint is rolled back.",
            threshold=1000 * serving.max_latency_ms,
            periods=2,
            tell=False,
        )

    def _backlog(self) -> None:
        self._alarm(
            "endpoint-waiting",
            self._metrics.backlog("ApproximateAgeOfOldestRequest"),
            "An image has waited for half an hour: is serving.scaling.max_instances too small, or is there no machine "
            "to be had? The scaling activities of the endpoint say why.",
            threshold=BACKLOG_AGE_SECONDS,
        )

    def _budget(self, settings: DeploymentSettings) -> None:
        # Over one round of the gate's clock, or the alarm would end and begin again between two looks.
        held = self._metrics.own("HeldByBudget").with_(period=Duration.minutes(settings.triggers.gate_every_minutes))
        self._alarm(
            "budget-holds",
            held,
            "A run is due but the budget holds it back: the gate's log says how much is spent; raise "
            "spend.per_month_usd, or `python -m app run --over-budget` starts this one.",
        )

    def _alarm(
        self,
        name: str,
        metric: cloudwatch.Metric,
        description: str,
        *,
        threshold: float = 1,
        periods: int = 1,
        operator: cloudwatch.ComparisonOperator = AT_LEAST,
        missing: cloudwatch.TreatMissingData = MISSING_IS_FINE,
        tell: bool = True,
    ) -> None:
        alarm_name = f"{names.prefix(self._environment)}-{name.replace('_', '-')}"
        alarm = cloudwatch.Alarm(
            self,
            name.replace("-", " ").replace("_", " ").title().replace(" ", ""),
            alarm_name=alarm_name,
            alarm_description=description,
            metric=metric,
            threshold=threshold,
            evaluation_periods=periods,
            comparison_operator=operator,
            treat_missing_data=missing,
        )
        if tell:
            alarm.add_alarm_action(self._action)
            alarm.add_ok_action(self._action)
        self.all.append(alarm)
