"""Endpoints, models and the registry of the local SageMaker."""

from __future__ import annotations

import io
import json
import tarfile

import pytest

from app.embedded.sagemaker import gateway
from app.embedded.sagemaker.errors import ApiError

from .conftest import BUCKET, wait_until

ROLE = "arn:aws:iam::000000000000:role/serving-role-of-castline"
SERVES = """
    from http.server import BaseHTTPRequestHandler, HTTPServer
    answer = (root / "model/answer").read_bytes()
    if answer == b"broken":
        sys.exit(1)
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.reply(200, b"")
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen = self.headers.get("X-Amzn-SageMaker-Custom-Attributes", "").encode()
            self.reply(400, b'{"message": "empty"}') if not body else self.reply(200, answer + body + seen)
        def reply(self, status, body):
            self.send_response(status); self.send_header("Content-Length", str(len(body))); self.end_headers()
            self.wfile.write(body)
        def log_message(self, *_): pass
    HTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
    """


def add_model(local, name: str, answer: bytes) -> None:
    """A model, and an endpoint configuration of the same name."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo("./answer")
        info.size = len(answer)
        archive.addfile(info, io.BytesIO(answer))
    local.s3.put_object(Bucket=BUCKET, Key=f"{name}.tar.gz", Body=buffer.getvalue())
    container = {"Image": "image", "ModelDataUrl": f"s3://{BUCKET}/{name}.tar.gz"}
    local.call("CreateModel", ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    serverless = {"MemorySizeInMB": 2048, "MaxConcurrency": 1}
    local.call("CreateEndpointConfig", EndpointConfigName=name, ProductionVariants=[
        {"VariantName": "all", "ModelName": name, "ServerlessConfig": serverless}])


def settled(local):
    """The endpoint once it is neither creating nor updating."""
    describe = lambda: local.call("DescribeEndpoint", EndpointName="inspect")  # noqa: E731
    wait_until(lambda: describe()["EndpointStatus"] in ("InService", "Failed"))
    return describe()


def ask(local, body: bytes = b"?", **headers: str) -> tuple[int, dict[str, str], bytes]:
    return gateway._invoke(local.service, "inspect", {"content-type": "image/png", **headers}, body)


@pytest.fixture
def served(local):
    """An endpoint that serves the model `first`."""
    local.program("serve", SERVES)
    add_model(local, "first", b"first")
    local.call("CreateEndpoint", EndpointName="inspect", EndpointConfigName="first")
    assert settled(local)["EndpointStatus"] == "InService"
    return local


def test_endpoint_answers_with_the_content_of_its_model(served):
    status, headers, body = ask(served, b"?", **{"x-amzn-sagemaker-custom-attributes": "min_score=0.3"})
    assert (status, body) == (200, b"first?min_score=0.3")
    assert headers["x-Amzn-Invoked-Production-Variant"] == "all"
    wait_until(lambda: "IN_SERVICE" in served.statuses("SageMaker Endpoint State Change", "EndpointStatus"))


def test_refusal_of_the_container_is_a_model_error(served):
    status, headers, body = ask(served, b"")
    assert (status, headers["x-amzn-errortype"]) == (424, "ModelError")
    assert json.loads(body)["OriginalStatusCode"] == 400


def test_update_moves_to_the_new_configuration(served):
    add_model(served, "second", b"second")
    served.call("UpdateEndpoint", EndpointName="inspect", EndpointConfigName="second")
    wait_until(lambda: settled(served)["EndpointConfigName"] == "second")
    assert ask(served)[2] == b"second?"


def test_update_to_a_broken_model_rolls_back(served):
    add_model(served, "bad", b"broken")
    served.call("UpdateEndpoint", EndpointName="inspect", EndpointConfigName="bad")
    endpoint = settled(served)
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", "first")
    assert "ping health check" in endpoint["FailureReason"]
    assert ask(served)[2] == b"first?"


def test_first_endpoint_of_a_broken_model_fails(local):
    local.program("serve", SERVES)
    add_model(local, "bad", b"broken")
    local.call("CreateEndpoint", EndpointName="inspect", EndpointConfigName="bad")
    assert settled(local)["EndpointStatus"] == "Failed"
    assert ask(local)[0] == 400


def test_deleted_endpoint_is_gone(served):
    served.call("DeleteEndpoint", EndpointName="inspect")
    assert ask(served)[0] == 400
    with pytest.raises(ApiError, match="Could not find endpoint"):
        served.call("DescribeEndpoint", EndpointName="inspect")


def test_endpoint_comes_up_again_after_a_restart(served):
    served.service.shut_down()
    served.start()
    served.service.recover()
    assert settled(served)["EndpointConfigName"] == "first"
    wait_until(lambda: ask(served)[0] == 200)


def test_packages_are_numbered_and_approved(local):
    local.call("CreateModelPackageGroup", ModelPackageGroupName="models")
    for _ in range(2):
        package = local.call("CreateModelPackage", ModelPackageGroupName="models")["ModelPackageArn"]
    assert package.endswith("models/2")
    described = local.call("DescribeModelPackage", ModelPackageName=package)
    assert described["ModelApprovalStatus"] == "PendingManualApproval"
    local.call("UpdateModelPackage", ModelPackageArn=package, ModelApprovalStatus="Approved")
    listed = local.call("ListModelPackages", ModelPackageGroupName="models", ModelApprovalStatus="Approved")
    assert [p["ModelPackageVersion"] for p in listed["ModelPackageSummaryList"]] == [2]
    states = local.statuses("SageMaker Model Package State Change", "ModelApprovalStatus")
    wait_until(lambda: "Approved" in local.statuses("SageMaker Model Package State Change", "ModelApprovalStatus"))
    assert states[0] == "PendingManualApproval"


def test_unknown_operations_and_values_are_refused(local):
    with pytest.raises(ApiError, match="does not have this operation"):
        local.call("CreateNotebookInstance", NotebookInstanceName="n", InstanceType="ml.t3.medium", RoleArn=ROLE)
    with pytest.raises(ApiError, match="enum value set"):
        local.call("ListTrainingJobs", StatusEquals="Sleeping")
