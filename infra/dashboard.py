"""The dashboard: what runs, why a run failed, whether the model is better, how the endpoint does."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from app.contracts import names
from infra.functions import SIZES
from infra.metrics import AVERAGE, MAXIMUM, P50, P90, SUM, Metrics
from infra.permissions import PERMISSIONS
from infra.settings import DeploymentSettings

HALF, THIRD, FULL = 12, 8, 24
HEIGHT = 6
TRAINING_METRICS = "/aws/sagemaker/TrainingJobs"
FAILURES = (
    "fields @timestamp, execution_arn, type, details.error as error, details.cause as cause",
    "filter type like /Failed|Aborted|TimedOut/",
    "sort @timestamp desc",
    "limit 20",
)


class PipelineDashboard(Construct):
    """One page, read from top to bottom: alarms, runs, failures, model, cost, endpoint, plumbing."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DeploymentSettings,
        alarms: Sequence[cloudwatch.IAlarm],
    ) -> None:
        super().__init__(scope, construct_id)
        self._environment = settings.environment
        self._asynchronous = settings.pipeline.serving.mode == "async"
        self._metrics = Metrics(Stack.of(self), settings.environment)
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=names.prefix(settings.environment),
            default_interval=Duration.days(7),
            widgets=[
                [self._introduction()],
                [cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms), width=FULL, height=4)],
                self._runs(),
                self._failures(),
                self._outcomes(),
                self._training_curves(),
                self._spend(),
                self._endpoint(),
                self._plumbing(),
            ],
        )

    def _introduction(self) -> cloudwatch.TextWidget:
        machine = names.state_machine(self._environment)
        return cloudwatch.TextWidget(
            width=FULL,
            height=2,
            markdown=(
                f"# Castline {self._environment}\n"
                f"Runs are executions of the state machine `{machine}`. `python -m app runs` lists them, "
                "`python -m app report RUN` opens the report of one."
            ),
        )

    def _runs(self) -> list[cloudwatch.IWidget]:
        run = self._metrics.run
        return [
            cloudwatch.GraphWidget(
                title="Runs",
                width=THIRD,
                height=HEIGHT,
                left=[run(f"Executions{end}") for end in ("Started", "Succeeded", "Failed", "TimedOut", "Aborted")],
            ),
            cloudwatch.GraphWidget(
                title="Duration of runs (ms)",
                width=THIRD,
                height=HEIGHT,
                left=[run("ExecutionTime", P50), run("ExecutionTime", "Maximum")],
            ),
            cloudwatch.GraphWidget(
                title="Gate: looks at the inbox, and waiting upload events",
                width=THIRD,
                height=HEIGHT,
                left=[self._metrics.function("gate", "Invocations")],
                right=[self._metrics.queue(names.inbox_queue(self._environment), "ApproximateNumberOfMessagesVisible")],
            ),
        ]

    def _failures(self) -> list[cloudwatch.IWidget]:
        group = f"/aws/vendedlogs/states/{names.state_machine(self._environment)}"
        return [
            cloudwatch.LogQueryWidget(
                title="Why runs failed",
                width=FULL,
                height=HEIGHT,
                log_group_names=[group],
                query_lines=list(FAILURES),
            )
        ]

    def _outcomes(self) -> list[cloudwatch.IWidget]:
        own = self._metrics.own
        return [
            cloudwatch.GraphWidget(
                title="Is the model better? Mask AP, and gain over the champion",
                width=THIRD,
                height=HEIGHT,
                left=[own("MaskAP", MAXIMUM)],
                right=[own("Gain", MAXIMUM)],
            ),
            cloudwatch.GraphWidget(
                title="Outcomes of runs",
                width=THIRD,
                height=HEIGHT,
                left=[own(f"Runs{end}") for end in ("Promoted", "NotPromoted", "RolledBack", "Failed")],
                right=[own("Uploads"), own("Quarantined")],
            ),
            cloudwatch.GraphWidget(
                title="What training took and what was billed (s); spot interruptions",
                width=THIRD,
                height=HEIGHT,
                left=[own("TrainingSeconds"), own("BillableSeconds")],
                right=[own("Interruptions")],
            ),
        ]

    def _spend(self) -> list[cloudwatch.IWidget]:
        own = self._metrics.own
        return [
            cloudwatch.GraphWidget(
                title="Estimated cost of runs (USD a day); looks at the inbox that the budget held back",
                width=FULL,
                height=HEIGHT,
                left=[own("EstimatedCostUsd").with_(period=Duration.days(1))],
                right=[own("HeldByBudget")],
            )
        ]

    def _training_curves(self) -> list[cloudwatch.IWidget]:
        return [
            self._training("Mask AP while training", "mAP(segm)/IoU=0.5:0.95"),
            self._training("Box AP while training", "mAP(bbox)/IoU=0.5:0.95"),
            self._training("Total loss while training", "total_cost"),
        ]

    def _training(self, title: str, metric: str) -> cloudwatch.GraphWidget:
        # The jobs are named by runs that do not exist yet: only a search finds them, and it looks for words.
        words = names.prefix(self._environment).replace("-", " ")
        search = f"SEARCH('{{{TRAINING_METRICS},TrainingJobName}} MetricName=\"{metric}\" {words}', '{AVERAGE}')"
        expression = cloudwatch.MathExpression(expression=search, label="", period=Duration.minutes(1))
        return cloudwatch.GraphWidget(title=title, width=THIRD, height=HEIGHT, left=[expression])

    def _endpoint(self) -> list[cloudwatch.IWidget]:
        endpoint, backlog = self._metrics.endpoint, self._metrics.backlog("ApproximateBacklogSize")
        return [
            cloudwatch.GraphWidget(
                title=f"Images that {'wait for' if self._asynchronous else 'come to'} the endpoint, and errors",
                width=HALF,
                height=HEIGHT,
                # An async endpoint counts no invocations.
                left=[backlog if self._asynchronous else endpoint("Invocations")],
                right=[
                    endpoint("Invocation4XXErrors"),
                    endpoint("Invocation5XXErrors"),
                    endpoint("InvocationModelErrors"),
                ],
            ),
            cloudwatch.GraphWidget(
                title="Time an image takes (us): in the model, around it",
                width=HALF,
                height=HEIGHT,
                left=[
                    endpoint("ModelLatency", P50),
                    endpoint("ModelLatency", P90),
                    endpoint("OverheadLatency", P90),
                ],
            ),
        ]

    def _plumbing(self) -> list[cloudwatch.IWidget]:
        owners = ("inbox", *(handler for handler, size in SIZES.items() if size.asynchronous))
        depths = [
            self._metrics.queue(names.dead_letters(self._environment, owner), "ApproximateNumberOfMessagesVisible")
            for owner in owners
        ]
        return [
            cloudwatch.GraphWidget(
                title="Errors of functions",
                width=HALF,
                height=HEIGHT,
                left=[self._metrics.function(handler, "Errors", SUM) for handler in PERMISSIONS],
            ),
            cloudwatch.GraphWidget(title="Events that nobody could process", width=HALF, height=HEIGHT, left=depths),
        ]
