"""Serving modes through a running embedded AWS: the SDK's own requests, CloudWatch's metrics and alarms."""

from __future__ import annotations

import datetime
import io
import tarfile
import textwrap
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import Server, wait_until
from .serving import ENDPOINT, PREAMBLE, ROLE, SERVES, instances

BUCKET = "castings"
VARIANT = [{"Name": "EndpointName", "Value": ENDPOINT}, {"Name": "VariantName", "Value": "all"}]


@pytest.fixture(scope="module")
def served(server: Server) -> Server:
    """A real-time endpoint, and an asynchronous one named `queue`."""
    (server.programs / "serve").write_text(PREAMBLE + textwrap.dedent(SERVES))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo("./answer")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"say"))
    server.client("s3").create_bucket(Bucket=BUCKET)
    server.client("s3").put_object(Bucket=BUCKET, Key="model.tar.gz", Body=buffer.getvalue())
    sagemaker = server.client("sagemaker")
    sagemaker.create_model(ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer={
        "Image": "image", "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"})
    output = {"S3OutputPath": f"s3://{BUCKET}/answers", "S3FailurePath": f"s3://{BUCKET}/failures"}
    variants: Any = [{"VariantName": "all", "ModelName": "m", **instances(2)}]
    sagemaker.create_endpoint_config(EndpointConfigName=ENDPOINT, ProductionVariants=variants)
    sagemaker.create_endpoint_config(EndpointConfigName="again", ProductionVariants=variants)
    sagemaker.create_endpoint_config(EndpointConfigName="queue", ProductionVariants=variants,
                                     AsyncInferenceConfig={"OutputConfig": output})
    for name in (ENDPOINT, "queue"):
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        wait_until(lambda name=name: sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService")
    return server


def test_asynchronous_answer_through_the_sdk(served: Server) -> None:
    runtime, s3 = served.client("sagemaker-runtime"), served.client("s3")
    s3.put_object(Bucket=BUCKET, Key="in/a", Body=b"image")
    accepted = runtime.invoke_endpoint_async(EndpointName="queue", InputLocation=f"s3://{BUCKET}/in/a",
                                             ContentType="image/png", InferenceId="part-7")
    assert accepted["InferenceId"] == "part-7"
    assert accepted["FailureLocation"].startswith(f"s3://{BUCKET}/failures/")
    key = accepted["OutputLocation"].removeprefix(f"s3://{BUCKET}/")
    wait_until(lambda: s3.list_objects_v2(Bucket=BUCKET, Prefix=key)["KeyCount"])
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"sayimage"
    with pytest.raises(ClientError, match="asynchronous invocations only"):
        runtime.invoke_endpoint(EndpointName="queue", Body=b"?")


def test_auto_scaling_through_the_sdk(served: Server) -> None:
    scaling = served.client("application-autoscaling")
    where: Any = {"ServiceNamespace": "sagemaker", "ResourceId": f"endpoint/{ENDPOINT}/variant/all",
                  "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}
    scaling.register_scalable_target(**where, MinCapacity=3, MaxCapacity=4)
    policy = scaling.put_scaling_policy(
        **where, PolicyName="track", PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 9.0, "PredefinedMetricSpecification": {
                "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}})
    assert policy["PolicyARN"].endswith(":policyName/track")
    described = served.client("sagemaker").describe_endpoint
    count = lambda: described(EndpointName=ENDPOINT)["ProductionVariants"][0]["CurrentInstanceCount"]  # noqa: E731
    wait_until(lambda: count() == 3)
    [target] = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (3, 4)
    scaling.deregister_scalable_target(**where)
    with pytest.raises(scaling.exceptions.ObjectNotFoundException):
        scaling.delete_scaling_policy(**where, PolicyName="track")


def test_metric_of_an_endpoint_rings_its_own_alarm_which_rolls_a_deployment_back(served: Server) -> None:
    """Given alarms on two endpoints, when one fails once, then its alarm alone rings and stops its next update."""
    cloudwatch, sagemaker = served.client("cloudwatch"), served.client("sagemaker")
    for name, dimensions in (("errors", VARIANT), ("other", [{"Name": "EndpointName", "Value": "queue"}, VARIANT[1]])):
        cloudwatch.put_metric_alarm(
            AlarmName=name, Namespace="AWS/SageMaker", MetricName="Invocation5XXErrors", Dimensions=dimensions,
            Statistic="Sum", Period=3600, EvaluationPeriods=1, Threshold=1, TreatMissingData="notBreaching",
            ComparisonOperator="GreaterThanOrEqualToThreshold")
    runtime = served.client("sagemaker-runtime")
    wait_until(lambda: sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointStatus"] == "InService")
    assert runtime.invoke_endpoint(EndpointName=ENDPOINT, Body=b"!")["Body"].read() == b"say!"
    with pytest.raises(ClientError) as refused:
        runtime.invoke_endpoint(EndpointName=ENDPOINT, Body=b"crash")
    assert refused.value.response["OriginalStatusCode"] == 500
    states = {a["AlarmName"]: a["StateValue"] for a in cloudwatch.describe_alarms()["MetricAlarms"]}
    assert states["errors"] == "ALARM"
    assert states["other"] in ("OK", "INSUFFICIENT_DATA")
    metrics = cloudwatch.list_metrics(Namespace="AWS/SageMaker", Dimensions=VARIANT)["Metrics"]
    assert {"Invocations", "ModelLatency", "Invocation4XXErrors"} <= {m["MetricName"] for m in metrics}
    sagemaker.update_endpoint(EndpointName=ENDPOINT, EndpointConfigName="again", DeploymentConfig={
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]}})
    wait_until(lambda: sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointStatus"] == "InService")
    endpoint = sagemaker.describe_endpoint(EndpointName=ENDPOINT)
    assert endpoint["EndpointConfigName"] == ENDPOINT
    assert "errors" in endpoint["FailureReason"]


def test_alarm_without_recent_data_follows_its_setting(served: Server) -> None:
    """Given alarms whose metric is older than their periods, when a point of another comes, then they are settled."""
    cloudwatch = served.client("cloudwatch")
    for treat in ("notBreaching", "breaching", "missing", "ignore"):
        cloudwatch.put_metric_alarm(
            AlarmName=f"old-{treat}", Namespace="Castline", MetricName="Old", Statistic="Sum", Period=60,
            EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold",
            TreatMissingData=treat)
        cloudwatch.set_alarm_state(AlarmName=f"old-{treat}", StateValue="ALARM", StateReason="test")
    before = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    cloudwatch.put_metric_data(Namespace="Castline", MetricData=[
        {"MetricName": "Old", "Value": 5.0, "Timestamp": before}])
    alarms = cloudwatch.describe_alarms(AlarmNamePrefix="old-")["MetricAlarms"]
    assert {a["AlarmName"]: a["StateValue"] for a in alarms} == {
        "old-notBreaching": "OK", "old-breaching": "ALARM", "old-missing": "INSUFFICIENT_DATA", "old-ignore": "ALARM"}
