"""What ministack lacks and the amendments add, seen from outside on a real embedded AWS."""

from __future__ import annotations

import io
import json
import textwrap
import zipfile
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from ministack.services import stepfunctions
from ministack.services.cloudformation import provisioners

from app.embedded import pin
from app.embedded.amendments import buckets, network, task_tokens

from .conftest import wait_until

ROLE = "arn:aws:iam::000000000000:role/any-role"
HANDLER = """
    import boto3

    class NoMachineError(Exception):
        pass

    def handler(event, context):
        if event.get("fail"):
            raise NoMachineError("none left")
        body = event.get("token", "none").encode()
        boto3.client("s3").put_object(Bucket="tokens", Key=event["name"], Body=body)
    """


@pytest.fixture(scope="module")
def function(server):
    """A function that fails when it is told to, and leaves its task token in S3 otherwise."""
    server.client("s3").create_bucket(Bucket="tokens")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("starts.py", textwrap.dedent(HANDLER))
    server.client("lambda").create_function(
        FunctionName="starts", Runtime="python3.12", Handler="starts.handler", Role=ROLE,
        Code={"ZipFile": buffer.getvalue()}, Timeout=20)
    return "starts"


def callback(function: str, name: str, *, fail: bool = False, **state) -> dict:
    """A task that waits for its token."""
    payload = {"name": name, "fail": fail, "token.$": "$$.Task.Token"}
    return {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "End": True,
            "Parameters": {"FunctionName": function, "Payload": payload}, **state}


def execute(server, name: str, states: dict, **machine) -> str:
    """Start an execution of a state machine that begins with its first state."""
    definition = {"StartAt": next(iter(states)), "States": states, **machine}
    sfn = server.client("stepfunctions")
    arn = sfn.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE)["stateMachineArn"]
    return sfn.start_execution(stateMachineArn=arn, name=name)["executionArn"]


def ended(server, arn: str) -> dict:
    describe = lambda: server.client("stepfunctions").describe_execution(executionArn=arn)  # noqa: E731
    wait_until(lambda: describe()["status"] != "RUNNING")
    return describe()


def token(server, name: str) -> str:
    """The token that the function left."""
    s3 = server.client("s3")
    wait_until(lambda: s3.list_objects_v2(Bucket="tokens", Prefix=name)["KeyCount"])
    return s3.get_object(Bucket="tokens", Key=name)["Body"].read().decode()


def test_error_of_a_function_carries_its_class(server, function):
    answer = server.client("lambda").invoke(FunctionName=function, Payload=json.dumps({"fail": True}))
    body = json.loads(answer["Payload"].read())
    assert (answer["FunctionError"], body["errorType"], body["errorMessage"]) == (
        "Unhandled", "NoMachineError", "none left")


def test_callback_task_fails_with_its_function_and_is_caught_by_class(server, function):
    catch = [{"ErrorEquals": ["OtherError"], "Next": "Other"}, {"ErrorEquals": ["NoMachineError"], "Next": "Caught"}]
    arn = execute(server, "caught", {
        "Start": callback(function, "caught", fail=True, Catch=catch),
        "Caught": {"Type": "Pass", "Result": "caught", "End": True},
        "Other": {"Type": "Pass", "Result": "other", "End": True},
    })
    assert json.loads(ended(server, arn)["output"]) == "caught"


def test_callback_task_ends_with_its_token(server, function):
    arn = execute(server, "answered", {"Start": callback(function, "answered", HeartbeatSeconds=60)})
    server.client("stepfunctions").send_task_success(taskToken=token(server, "answered"), output='{"done": true}')
    assert json.loads(ended(server, arn)["output"]) == {"done": True}


def test_missing_heartbeat_fails_the_task(server, function):
    arn = execute(server, "silent", {"Start": callback(function, "silent", HeartbeatSeconds=1)})
    assert ended(server, arn)["error"] == "States.HeartbeatTimeout"


def test_execution_ends_at_its_own_time_limit(server, function):
    arn = execute(server, "late", {"Start": callback(function, "late")}, TimeoutSeconds=1)
    assert ended(server, arn)["status"] == "TIMED_OUT"


def test_stopped_execution_leaves_its_task_and_is_not_retried(server, function):
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1}]
    arn = execute(server, "stopped", {"Start": callback(function, "stopped", Retry=retry)})
    waiting = token(server, "stopped")
    sfn = server.client("stepfunctions")
    sfn.stop_execution(executionArn=arn, error="Person", cause="enough")

    def is_gone() -> bool:
        try:
            sfn.send_task_heartbeat(taskToken=waiting)
        except ClientError as error:
            return error.response["Error"]["Code"] == "TaskDoesNotExist"
        return False

    wait_until(is_gone)
    execution = sfn.describe_execution(executionArn=arn)
    assert (execution["status"], execution["error"]) == ("ABORTED", "Person")
    events = sfn.get_execution_history(executionArn=arn)["events"]
    assert [e["type"] for e in events][-1] == "ExecutionAborted"


def test_build_registers_the_tag_with_a_digest(server):
    server.client("ecr").create_repository(repositoryName="castings", imageTagMutability="IMMUTABLE")
    variables = [{"name": "REPOSITORY", "value": "castings", "type": "PLAINTEXT"},
                 {"name": "TAG", "value": "abc123", "type": "PLAINTEXT"}]
    server.client("codebuild").create_project(
        name="image", serviceRole=ROLE, source={"type": "NO_SOURCE", "buildspec": "version: 0.2"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0",
                     "computeType": "BUILD_GENERAL1_LARGE", "environmentVariables": variables})
    arn = execute(server, "build", {"Build": {
        "Type": "Task", "Resource": "arn:aws:states:::codebuild:startBuild.sync", "End": True,
        "Parameters": {"ProjectName": "image"}}})
    assert json.loads(ended(server, arn)["output"])["Build"]["BuildStatus"] == "SUCCEEDED"
    images = server.client("ecr").describe_images(repositoryName="castings", imageIds=[{"imageTag": "abc123"}])
    assert images["imageDetails"][0]["imageDigest"].startswith("sha256:")


def test_build_of_an_unknown_project_fails_the_state(server):
    arn = execute(server, "nobuild", {"Build": {
        "Type": "Task", "Resource": "arn:aws:states:::codebuild:startBuild.sync", "End": True,
        "Parameters": {"ProjectName": "nobody"}}})
    assert ended(server, arn)["error"] == "CodeBuild.ResourceNotFoundException"


def test_stack_with_what_cloudformation_lacked(server):
    template = {
        "Resources": {
            "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.9.0.0/16"}},
            "Jobs": {"Type": "AWS::EC2::SecurityGroup",
                     "Properties": {"GroupDescription": "jobs", "VpcId": {"Ref": "Vpc"}}},
            "Nfs": {"Type": "AWS::EC2::SecurityGroupIngress", "Properties": {
                "GroupId": {"Fn::GetAtt": ["Jobs", "GroupId"]}, "IpProtocol": "tcp", "FromPort": 2049, "ToPort": 2049,
                "SourceSecurityGroupId": {"Fn::GetAtt": ["Jobs", "GroupId"]}}},
            "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {
                "BucketName": "tagged", "Tags": [{"Key": "system", "Value": "castline"}],
                "BucketEncryption": {"ServerSideEncryptionConfiguration": [{
                    "BucketKeyEnabled": True, "ServerSideEncryptionByDefault": {
                        "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "the-key"}}]}}},
            "Models": {"Type": "AWS::SageMaker::ModelPackageGroup", "Properties": {"ModelPackageGroupName": "models"}},
        },
        "Outputs": {"Cidr": {"Value": {"Fn::GetAtt": ["Vpc", "CidrBlock"]}},
                    "Group": {"Value": {"Fn::GetAtt": ["Jobs", "GroupId"]}},
                    "Models": {"Value": {"Ref": "Models"}}},
    }
    cloudformation = server.client("cloudformation")
    cloudformation.create_stack(StackName="parts", TemplateBody=json.dumps(template))
    describe = lambda: cloudformation.describe_stacks(StackName="parts")["Stacks"][0]  # noqa: E731
    wait_until(lambda: not describe()["StackStatus"].endswith("IN_PROGRESS"))
    assert describe()["StackStatus"] == "CREATE_COMPLETE"
    outputs = {o["OutputKey"]: o["OutputValue"] for o in describe()["Outputs"]}
    assert outputs["Cidr"] == "10.9.0.0/16"
    assert outputs["Models"] == "arn:aws:sagemaker:us-east-1:000000000000:model-package-group/models"
    group = server.client("ec2").describe_security_groups(GroupIds=[outputs["Group"]])["SecurityGroups"][0]
    assert [(p["FromPort"], p["UserIdGroupPairs"][0]["GroupId"]) for p in group["IpPermissions"]] == [
        (2049, outputs["Group"])]
    tags = server.client("s3").get_bucket_tagging(Bucket="tagged")["TagSet"]
    assert {"Key": "system", "Value": "castline"} in tags
    encryption = server.client("s3").get_bucket_encryption(Bucket="tagged")["ServerSideEncryptionConfiguration"]
    assert encryption["Rules"] == [{
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "the-key"},
        "BucketKeyEnabled": True}]


def test_a_bucket_under_the_key_of_aws_is_left_to_s3():
    """The CDK's own bucket: ministack has no key aws/s3 and would refuse every asset."""
    body = buckets.encryption_xml({"ServerSideEncryptionConfiguration": [
        {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]})
    assert b"<SSEAlgorithm>AES256</SSEAlgorithm>" in body
    assert b"kms" not in body


def test_event_of_sagemaker_reaches_a_rule(server):
    sqs, events, sagemaker = (server.client(s) for s in ("sqs", "events", "sagemaker"))
    queue = sqs.create_queue(QueueName="approvals")["QueueUrl"]
    pattern = {"source": ["aws.sagemaker"], "detail-type": ["SageMaker Model Package State Change"],
               "detail": {"ModelApprovalStatus": ["Approved"]}}
    events.put_rule(Name="approvals", EventPattern=json.dumps(pattern))
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_targets(Rule="approvals", Targets=[{"Id": "queue", "Arn": arn}])
    sagemaker.create_model_package_group(ModelPackageGroupName="approved")
    package = sagemaker.create_model_package(ModelPackageGroupName="approved")["ModelPackageArn"]
    sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
    event = json.loads(wait_until(lambda: server.messages(queue))[0])
    assert (event["source"], event["resources"]) == ("aws.sagemaker", [package])
    assert event["detail"]["ModelPackageVersion"] == 1


@pytest.mark.parametrize(("amendment", "owner", "part"), [
    (network, provisioners, "_ec2_sg_permissions"),
    (task_tokens, stepfunctions, "_invoke_with_callback"),
])
def test_moved_part_of_ministack_is_told_with_the_pin(monkeypatch, amendment, owner, part):
    monkeypatch.delattr(owner, part)
    with pytest.raises(pin.PinError, match=rf"{part} does not exist.*install ministack==1\.5\.33"):
        amendment.apply()


def test_wrong_content_of_a_part_is_told_with_the_pin():
    with pytest.raises(pin.PinError, match=r"reports errors in another way.*ministack==1\.5\.33"):
        pin.check(False, "the Lambda worker script reports errors in another way")
    assert pin.part(SimpleNamespace(there=1), "there") == 1
