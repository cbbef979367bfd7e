"""The metrics that AWS really publishes about one environment, by name; alarms and dashboard share them."""

from __future__ import annotations

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch

from app.contracts import names
from infra.arns import Arns

VARIANT = "AllTraffic"
"""The one production variant of the endpoint."""
OWN_NAMESPACE = "Castline"
SUM, MAXIMUM, AVERAGE, P50, P90 = "Sum", "Maximum", "Average", "p50", "p90"
FIVE_MINUTES = Duration.minutes(5)


class Metrics:
    """Metrics of one environment."""

    def __init__(self, stack: Stack, environment: str) -> None:
        self._environment = environment
        self._state_machine_arn = Arns(stack, environment).state_machine

    def run(self, name: str, statistic: str = SUM) -> cloudwatch.Metric:
        """Of the state machine: ExecutionsStarted, ExecutionsFailed, ExecutionTime (ms), ..."""
        return self._metric("AWS/States", name, statistic, {"StateMachineArn": self._state_machine_arn})

    def function(self, handler: str, name: str, statistic: str = SUM) -> cloudwatch.Metric:
        """Of a Lambda function: Invocations, Errors, Duration (ms), Throttles, ..."""
        dimensions = {"FunctionName": names.function(self._environment, handler)}
        return self._metric("AWS/Lambda", name, statistic, dimensions)

    def queue(self, queue_name: str, name: str, statistic: str = MAXIMUM) -> cloudwatch.Metric:
        """Of a queue: ApproximateNumberOfMessagesVisible, ApproximateAgeOfOldestMessage (s), ..."""
        return self._metric("AWS/SQS", name, statistic, {"QueueName": queue_name})

    def endpoint(self, name: str, statistic: str = SUM) -> cloudwatch.Metric:
        """Of the endpoint: Invocations, Invocation5XXErrors, ModelLatency (us), ..."""
        dimensions = {"EndpointName": names.endpoint(self._environment), "VariantName": VARIANT}
        return self._metric("AWS/SageMaker", name, statistic, dimensions)

    def backlog(self, name: str, statistic: str = MAXIMUM) -> cloudwatch.Metric:
        """Of an async endpoint as a whole: ApproximateBacklogSize, ApproximateAgeOfOldestRequest (s)."""
        return self._metric("AWS/SageMaker", name, statistic, {"EndpointName": names.endpoint(self._environment)})

    def own(self, name: str, statistic: str = SUM) -> cloudwatch.Metric:
        """Of the runs themselves, from the log of the function that ends them (docs/pipeline.md, Metrics)."""
        return self._metric(OWN_NAMESPACE, name, statistic, {"Environment": self._environment})

    @staticmethod
    def _metric(namespace: str, name: str, statistic: str, dimensions: dict[str, str]) -> cloudwatch.Metric:
        # No label: an alarm on a labelled metric becomes metric math, which the embedded AWS refuses.
        return cloudwatch.Metric(
            namespace=namespace,
            metric_name=name,
            statistic=statistic,
            dimensions_map=dimensions,
            period=FIVE_MINUTES,
        )
