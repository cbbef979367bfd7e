"""Endpoints, models and the registry of the local SageMaker."""

from __future__ import annotations

import json

import pytest

from app.embedded.sagemaker.errors import ApiError

from .conftest import wait_until
from .serving import ROLE, SERVES, add, ask, create, settled, update


@pytest.fixture
def served(local):
    """An endpoint that serves the model `first`."""
    local.program("serve", SERVES)
    add(local, "first", b"first")
    create(local, "first")
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
    add(served, "second", b"second")
    update(served, "second")
    wait_until(lambda: settled(served)["EndpointConfigName"] == "second")
    assert ask(served)[2] == b"second?"


def test_update_to_a_broken_model_rolls_back(served):
    add(served, "bad", b"broken")
    update(served, "bad")
    endpoint = settled(served)
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", "first")
    assert "ping health check" in endpoint["FailureReason"]
    assert ask(served)[2] == b"first?"


def test_first_endpoint_of_a_broken_model_fails(local):
    local.program("serve", SERVES)
    add(local, "bad", b"broken")
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


def test_server_that_ends_by_itself_is_started_again(served):
    status, _, body = ask(served, b"die")
    assert (status, json.loads(body)["OriginalStatusCode"]) == (424, 0)
    wait_until(lambda: ask(served)[2] == b"first?")
    assert settled(served)["EndpointConfigName"] == "first"


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
    kind, member = "SageMaker Model Package State Change", "ModelApprovalStatus"
    wait_until(lambda: "Approved" in local.statuses(kind, member))
    assert local.statuses(kind, member)[0] == "PendingManualApproval"


def test_unknown_operations_and_values_are_refused(local):
    with pytest.raises(ApiError, match="does not have this operation"):
        local.call("CreateNotebookInstance", NotebookInstanceName="n", InstanceType="ml.t3.medium", RoleArn=ROLE)
    with pytest.raises(ApiError, match="enum value set"):
        local.call("ListTrainingJobs", StatusEquals="Sleeping")
