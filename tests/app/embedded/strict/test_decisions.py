"""A strict embedded AWS decides: who calls, what their policies say, and what services do in the name of roles."""

from __future__ import annotations

import dataclasses
import io
import json
import tarfile
import textwrap
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, SSLError

from app.embedded import control
from app.embedded.settings import ACCOUNT, REGION, Access

from ..conftest import Server, wait_until
from ..serving import PREAMBLE, SERVES

pytestmark = pytest.mark.slow
BUCKET = "strict-data"
TRAIN = """
import os, pathlib
root = pathlib.Path(os.environ["CASTLINE_ML_ROOT"])
(root / "model" / "weights").write_text((root / "input/data/train/a").read_text())
"""
ECHO = "import boto3\ndef handler(event, context):\n    return boto3.client('sts').get_caller_identity()['Arn']\n"


class Strict:
    """The server and what its administrator makes in it."""

    def __init__(self, running: control.Running) -> None:
        self.running = running
        self.iam, self.s3 = self.client("iam"), self.client("s3")

    def client(self, service: str, access: Access | None = None) -> Any:
        options = (access or self.running.access("administrator")).client_options()
        return boto3.client(service, config=Config(retries={"total_max_attempts": 1}), **options)

    def role(self, name: str, service: str, *statements: dict[str, Any]) -> str:
        """A role that a service may assume; the administrator as well, so that tests may act as it."""
        trust = [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"} for principal in (
            {"Service": service}, {"AWS": f"arn:aws:iam::{ACCOUNT}:user/administrator"})]
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": trust}))
        self.allow(name, *statements)
        return f"arn:aws:iam::{ACCOUNT}:role/{name}"

    def allow(self, role: str, *statements: dict[str, Any]) -> None:
        if statements:
            self.iam.put_role_policy(
                RoleName=role, PolicyName=f"p{time.monotonic_ns()}", PolicyDocument=json.dumps(
                    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **s} for s in statements]}))

    def acting_as(self, role: str, service: str) -> Any:
        keys = self.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{role}", RoleSessionName="test")["Credentials"]
        return self.client(service, dataclasses.replace(
            self.running.access(), access_key=keys["AccessKeyId"], secret_key=keys["SecretAccessKey"],
            session_token=keys["SessionToken"]))


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Strict]:
    server = Server(tmp_path_factory.mktemp("aws"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CASTLINE_PROGRAMS", str(server.programs))
        (server.programs / "train").write_text(TRAIN)
        made = Strict(control.up(server.port, server.state, strict=True))
        made.s3.create_bucket(Bucket=BUCKET)
        made.s3.put_object(Bucket=BUCKET, Key="train/a", Body=b"sharp")
        yield made
        control.down(server.state)


def refusal(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    return f"{caught.value.response['Error']['Code']}: {caught.value.response['Error']['Message']}"


def on(bucket: str, *actions: str) -> dict[str, Any]:
    return {"Action": list(actions), "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]}


def training(role: str, name: str) -> dict[str, Any]:
    return {
        "TrainingJobName": name, "RoleArn": role,
        "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
        "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": {
            "S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/train/"}}}],
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60}}


def ended(strict: Strict, name: str) -> dict[str, Any]:
    describe = lambda: strict.client("sagemaker").describe_training_job(TrainingJobName=name)  # noqa: E731
    wait_until(lambda: describe()["TrainingJobStatus"] in ("Completed", "Failed"))
    return describe()


def test_only_those_who_sign_with_their_own_key_over_tls_are_heard(strict: Strict) -> None:
    """Given a strict server, then keys that ministack takes for root's, forged and missing signatures get nothing."""
    access = strict.running.access("administrator")
    for key in ("test", ACCOUNT, "castline"):
        stranger = dataclasses.replace(access, access_key=key, secret_key=key)
        assert refusal(strict.client("s3", stranger).list_buckets).startswith("InvalidAccessKeyId")
    forged = dataclasses.replace(access, secret_key="forged")
    assert refusal(strict.client("s3", forged).list_buckets).startswith("SignatureDoesNotMatch")
    with pytest.raises(SSLError):
        strict.client("s3", dataclasses.replace(access, certificates=None)).list_buckets()
    operator = strict.client("iam", strict.running.access("operator"))
    assert "user/operator is not authorized to perform: iam:ListRoles" in refusal(operator.list_roles)


def test_a_training_job_needs_the_action_the_role_and_a_role_that_may(strict: Strict) -> None:
    """Given a caller and a job's role, when one grant after the other is made, then each missing one is named."""
    job_role = strict.role("job", "sagemaker.amazonaws.com", {"Action": ["ecr:GetAuthorizationToken"], "Resource": "*"},
                           {"Action": ["cloudwatch:PutMetricData"], "Resource": "*"})
    strict.role("caller", "lambda.amazonaws.com",
                {"Action": "sagemaker:CreateTrainingJob", "Resource": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:*/ours-*"})
    create = strict.acting_as("caller", "sagemaker").create_training_job
    assert "training-job/theirs-1 because no identity-based policy" in refusal(
        lambda: create(**training(job_role, "theirs-1")))
    assert "assumed-role/caller/test is not authorized to perform: iam:PassRole on resource: " + job_role in refusal(
        lambda: create(**training(job_role, "ours-1")))
    elsewhere = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    strict.allow("caller", {"Action": "iam:PassRole", "Resource": job_role, "Condition": elsewhere})
    assert "iam:PassRole" in refusal(lambda: create(**training(job_role, "ours-1")))
    here = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    strict.allow("caller", {"Action": "iam:PassRole", "Resource": job_role, "Condition": here})
    logs = {"Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/sagemaker/TrainingJobs:*"}
    strict.allow("job", logs)
    create(**training(job_role, "ours-1"))
    failed = ended(strict, "ours-1")
    assert failed["FailureReason"].startswith("ClientError: ")
    assert "assumed-role/job/SageMaker is not authorized to perform: s3:ListBucket" in failed["FailureReason"]
    strict.allow("job", on(BUCKET, "s3:ListBucket", "s3:GetObject", "s3:PutObject"))
    create(**training(job_role, "ours-2"))
    assert ended(strict, "ours-2")["TrainingJobStatus"] == "Completed", ended(strict, "ours-2")


def test_a_role_that_does_not_trust_sagemaker_trains_nothing(strict: Strict) -> None:
    role = strict.role("distrustful", "lambda.amazonaws.com")
    strict.client("sagemaker").create_training_job(**training(role, "untrusted"))
    reason = ended(strict, "untrusted")["FailureReason"]
    assert "allows principal 'sagemaker.amazonaws.com' to assume the role" in reason


def test_versions_are_deleted_by_their_own_action(strict: Strict) -> None:
    """Given a role that may delete versions, when it deletes several at once, then not one needs s3:DeleteObject."""
    strict.role("sweeper", "lambda.amazonaws.com", on(BUCKET, "s3:DeleteObjectVersion"))
    strict.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    versions = [strict.s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")["VersionId"] for key in ("one", "two")]
    s3 = strict.acting_as("sweeper", "s3")
    gone = [{"Key": key, "VersionId": version} for key, version in zip(("one", "two"), versions, strict=True)]
    assert len(s3.delete_objects(Bucket=BUCKET, Delete={"Objects": gone})["Deleted"]) == 2
    assert "s3:DeleteObject " in refusal(lambda: s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "a"}]}))


def test_objects_of_a_bucket_with_a_key_need_the_key_through_s3(strict: Strict) -> None:
    """Given a bucket with a KMS key, when a role may do all of S3, then reading and writing still need the key."""
    kms = strict.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    strict.s3.create_bucket(Bucket="locked")
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    strict.s3.put_bucket_encryption(Bucket="locked", ServerSideEncryptionConfiguration={
        "Rules": [{"ApplyServerSideEncryptionByDefault": default}]})
    strict.s3.put_object(Bucket="locked", Key="a", Body=b"sharp")
    strict.role("keyless", "lambda.amazonaws.com", on("locked", "s3:GetObject", "s3:PutObject", "s3:ListBucket"))
    s3 = strict.acting_as("keyless", "s3")
    assert "keyless/test is not authorized to perform: kms:Decrypt" in refusal(
        lambda: s3.get_object(Bucket="locked", Key="a"))
    elsewhere = {"StringEquals": {"kms:ViaService": f"sqs.{REGION}.amazonaws.com"}}
    strict.allow("keyless", {"Action": "kms:GenerateDataKey", "Resource": key, "Condition": elsewhere})
    assert "kms:GenerateDataKey" in refusal(lambda: s3.put_object(Bucket="locked", Key="b", Body=b"x"))
    here = {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}}
    strict.allow("keyless", {"Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": key, "Condition": here})
    s3.put_object(Bucket="locked", Key="b", Body=b"x")
    assert s3.get_object(Bucket="locked", Key="a")["Body"].read() == b"sharp"
    assert s3.list_objects_v2(Bucket="locked")["KeyCount"] == 2


def test_a_boundary_narrows_what_a_role_may(strict: Strict) -> None:
    boundary = strict.iam.create_policy(PolicyName="boundary", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **on(BUCKET, "s3:ListBucket")}]}))["Policy"]["Arn"]
    strict.role("bounded", "lambda.amazonaws.com", on(BUCKET, "s3:ListBucket", "s3:GetObject"))
    s3 = strict.acting_as("bounded", "s3")
    assert s3.get_object(Bucket=BUCKET, Key="train/a")["Body"].read() == b"sharp"
    strict.iam.put_role_permissions_boundary(RoleName="bounded", PermissionsBoundary=boundary)
    assert s3.list_objects_v2(Bucket=BUCKET, Prefix="train/")["KeyCount"] == 1
    assert "role/bounded/test is not authorized to perform: s3:GetObject" in refusal(
        lambda: s3.get_object(Bucket=BUCKET, Key="train/a"))


def packed(code: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("main.py", code)
    return file.getvalue()


def test_a_state_machine_invokes_only_what_its_role_may_and_functions_work_as_their_own(strict: Strict) -> None:
    """Given a machine whose role may do nothing, when it runs, then its task fails; with the grant it is answered."""
    function = strict.client("lambda").create_function(
        FunctionName="echo", Runtime="python3.11", Handler="main.handler", Code={"ZipFile": packed(ECHO)},
        Role=strict.role("echo-role", "lambda.amazonaws.com"))["FunctionArn"]
    states = strict.client("stepfunctions")
    definition = {"StartAt": "Ask", "States": {"Ask": {"Type": "Task", "Resource": function, "End": True}}}
    machine = states.create_state_machine(
        name="asks", definition=json.dumps(definition), roleArn=strict.role("asks-role", "states.amazonaws.com"),
    )["stateMachineArn"]

    def run() -> dict[str, Any]:
        arn = states.start_execution(stateMachineArn=machine)["executionArn"]
        wait_until(lambda: states.describe_execution(executionArn=arn)["status"] != "RUNNING")
        return dict(states.describe_execution(executionArn=arn))

    refused = run()
    assert (refused["status"], refused["error"]) == ("FAILED", "Lambda.AWSLambdaException")
    assert f"not authorized to perform: lambda:InvokeFunction on resource: {function}" in refused["cause"]
    assert "assumed-role/asks-role/" in refused["cause"]
    strict.allow("asks-role", {"Action": "lambda:InvokeFunction", "Resource": function})
    assert json.loads(run()["output"]) == f"arn:aws:sts::{ACCOUNT}:assumed-role/echo-role/echo"


def test_a_rule_reaches_a_queue_only_where_the_queue_lets_this_rule_in(strict: Strict) -> None:
    """Given two rules on one event, when a queue's policy names one of them, then it hears that one only."""
    events, sqs = strict.client("events"), strict.client("sqs")
    urls = {}
    for name in ("named", "stranger"):
        urls[name] = sqs.create_queue(QueueName=f"q-{name}")["QueueUrl"]
        queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:q-{name}"
        events.put_rule(Name=name, EventPattern=json.dumps({"source": ["test"]}))
        events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": queue}])
        condition = {"ArnEquals": {"aws:SourceArn": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/named"}}
        policy = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
                                 "Action": "sqs:SendMessage", "Resource": queue, "Condition": condition}]}
        sqs.set_queue_attributes(QueueUrl=urls[name], Attributes={"Policy": json.dumps(policy)})
    events.put_events(Entries=[{"Source": "test", "DetailType": "x", "Detail": "{}"}])
    heard = wait_until(lambda: sqs.receive_message(QueueUrl=urls["named"]).get("Messages"))
    assert json.loads(heard[0]["Body"])["source"] == "test"
    assert "Messages" not in sqs.receive_message(QueueUrl=urls["stranger"])


def test_log_streams_and_task_tokens_are_decided_on_what_policies_name(strict: Strict) -> None:
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/ours"
    strict.role("scribe", "lambda.amazonaws.com",
                {"Action": ["logs:CreateLogGroup", "logs:CreateLogStream"], "Resource": f"{group}:*"},
                {"Action": "states:SendTaskSuccess", "Resource": "arn:aws:states:us-east-1:1:stateMachine:none"})
    logs = strict.acting_as("scribe", "logs")
    logs.create_log_group(logGroupName="/ours")
    logs.create_log_stream(logGroupName="/ours", logStreamName="one")
    assert "log-group:/theirs:log-stream:" in refusal(lambda: logs.create_log_group(logGroupName="/theirs"))
    states = strict.acting_as("scribe", "stepfunctions")
    unknown = refusal(lambda: states.send_task_success(taskToken="nobody", output="{}"))
    assert not unknown.startswith("AccessDenied")


def test_an_asynchronous_endpoint_works_as_the_role_of_its_model(strict: Strict) -> None:
    """Given a model's role without answers to write, when one grant after the other is made, then it answers."""
    (strict.running.state.parent / "bin" / "serve").write_text(f"{PREAMBLE}{textwrap.dedent(SERVES)}")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("./answer"))
    strict.s3.put_object(Bucket=BUCKET, Key="model.tar.gz", Body=buffer.getvalue())
    logs = {"Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/sagemaker/Endpoints/*"}
    any_resource = {"Action": ["ecr:GetAuthorizationToken", "cloudwatch:PutMetricData"], "Resource": "*"}
    role = strict.role("serves", "sagemaker.amazonaws.com", logs, any_resource, on(BUCKET, "s3:GetObject"))
    sagemaker = strict.client("sagemaker")
    sagemaker.create_model(ModelName="m", ExecutionRoleArn=role, PrimaryContainer={
        "Image": "image", "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"})
    sagemaker.create_endpoint_config(
        EndpointConfigName="queue", ProductionVariants=[
            {"VariantName": "all", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}],
        AsyncInferenceConfig={"OutputConfig": {"S3OutputPath": f"s3://{BUCKET}/answers"}})
    sagemaker.create_endpoint(EndpointName="queue", EndpointConfigName="queue")
    wait_until(lambda: sagemaker.describe_endpoint(EndpointName="queue")["EndpointStatus"] == "InService")

    strict.role("asks", "lambda.amazonaws.com")
    invoke = strict.acting_as("asks", "sagemaker-runtime").invoke_endpoint_async
    question = {"EndpointName": "queue", "InputLocation": f"s3://{BUCKET}/train/a"}
    assert "sagemaker:InvokeEndpointAsync" in refusal(lambda: invoke(**question))
    strict.allow("asks", {"Action": "sagemaker:InvokeEndpointAsync",
                          "Resource": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/queue"})
    invoke(**question)
    log = strict.running.state / "server.log"
    wait_until(lambda: "assumed-role/serves/SageMaker is not authorized to perform: s3:PutObject" in log.read_text())
    strict.allow("serves", on(BUCKET, "s3:PutObject"))
    key = invoke(**question)["OutputLocation"].removeprefix(f"s3://{BUCKET}/")
    wait_until(lambda: strict.s3.list_objects_v2(Bucket=BUCKET, Prefix=key)["KeyCount"])
    assert strict.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"sharp"

    variant = {"ServiceNamespace": "sagemaker", "ResourceId": "endpoint/queue/variant/all",
               "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}
    scaling = strict.acting_as("asks", "application-autoscaling")
    register = lambda: scaling.register_scalable_target(**variant, MinCapacity=0, MaxCapacity=1)  # noqa: E731
    assert "application-autoscaling:RegisterScalableTarget" in refusal(register)
    strict.allow(
        "asks", {"Action": "application-autoscaling:RegisterScalableTarget", "Resource": "*", "Condition": {
            "StringEquals": {"application-autoscaling:service-namespace": "sagemaker"}}},
        {"Action": ["sagemaker:DescribeEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities"], "Resource": "*"})
    assert "scalable-target/" in register()["ScalableTargetARN"]
