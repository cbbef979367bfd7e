"""Asynchronous endpoints of the local SageMaker: a queue that answers in S3 and tells SNS, and outlives a restart."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from app.embedded.sagemaker import async_results

from .conftest import BUCKET, Local, wait_until
from .serving import ASYNC, ENDPOINT, SERVERLESS, SERVES, add, add_model, ask, create, described, instances, settled

Answer = tuple[int, dict[str, str], Any]


def send(local: Local, key: str = "in/a.png", body: bytes = b"", **headers: str) -> Answer:
    """InvokeEndpointAsync of an object, or of inline content."""
    given = {f"x-amzn-sagemaker-{name.replace('_', '-')}": value for name, value in headers.items()}
    if not body:
        given["x-amzn-sagemaker-inputlocation"] = f"s3://{BUCKET}/{key}"
    status, said, content = local.service.async_requests.accept(ENDPOINT, given, body)
    return status, said, json.loads(content)


def put(local: Local, body: bytes, key: str = "in/a.png") -> None:
    local.s3.put_object(Bucket=BUCKET, Key=key, Body=body)


def found(local: Local, uri: str) -> str:
    """The content of an object, once it is there."""
    key = uri.removeprefix(f"s3://{BUCKET}/")
    wait_until(lambda: key in local.objects(key))
    return local.text(key)


def topic(local: Local, name: str) -> tuple[str, str]:
    """An SNS topic and the URL of a queue that hears it."""
    arn = local.sns.create_topic(Name=name)["TopicArn"]
    url = local.sqs.create_queue(QueueName=name)["QueueUrl"]
    queue = local.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    local.sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"})
    return arn, url


def heard(local: Local, url: str) -> dict[str, Any]:
    messages = wait_until(lambda: local.sqs.receive_message(QueueUrl=url).get("Messages"))
    return json.loads(messages[0]["Body"])


@pytest.fixture
def served(local: Local) -> Local:
    """An asynchronous endpoint that tells two topics."""
    local.program("serve", SERVES)
    local.success, local.error = topic(local, "success"), topic(local, "error")
    notifications = {"SuccessTopic": local.success[0], "ErrorTopic": local.error[0]}
    output = {**ASYNC["OutputConfig"], "NotificationConfig": notifications}
    add(local, "first", b"first", instances(1), AsyncInferenceConfig={
        "OutputConfig": output, "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 1}})
    create(local, "first")
    return local


def test_answer_lies_where_the_request_was_told(served: Local) -> None:
    put(served, b"image")
    status, headers, said = send(served, content_type="image/png", custom_attributes="!", inference_id="part-7")
    assert (status, said) == (202, {"InferenceId": "part-7"})
    output = headers["X-Amzn-SageMaker-OutputLocation"]
    assert output.startswith(f"s3://{BUCKET}/answers/")
    assert output.endswith(".out")
    assert found(served, output) == "firstimage!"
    notification = heard(served, served.success[1])
    assert notification["invocationStatus"] == "Completed"
    assert notification["requestParameters"] == {
        "contentType": "image/png", "customAttributes": "!", "endpointName": ENDPOINT,
        "inputLocation": f"s3://{BUCKET}/in/a.png"}
    assert notification["responseParameters"] == {"contentType": "application/json", "outputLocation": output}
    assert (notification["inferenceId"], notification["eventName"]) == ("part-7", "InferenceResult")
    wait_until(lambda: not (served.settings.sagemaker / "AsyncInvocation").is_dir() or not list(
        (served.settings.sagemaker / "AsyncInvocation").glob("*.json")))
    counted = {point.name: point.value for point in served.points}
    assert counted["InvocationsProcessed"] == 1
    assert counted["Invocation5XXErrors"] == 0
    assert "Invocations" not in counted  # asynchronous endpoints have none, alarms and dashboards must not wait for it


def test_inline_content_and_chosen_names(served: Local) -> None:
    _, headers, _ = send(served, body=b"inline", s3outputpathextension="line-2/", filename="a.json")
    assert headers["X-Amzn-SageMaker-OutputLocation"] == f"s3://{BUCKET}/answers/line-2/a.json"
    assert found(served, headers["X-Amzn-SageMaker-OutputLocation"]) == "firstinline"


def test_refusal_of_the_model_lies_in_the_failure_path(served: Local) -> None:
    put(served, b"crash")
    _, headers, _ = send(served)
    assert found(served, headers["X-Amzn-SageMaker-FailureLocation"]) == "trouble"
    notification = heard(served, served.error[1])
    assert notification["invocationStatus"] == "Failed"
    assert "server error (500)" in notification["failureReason"]
    assert "responseParameters" not in notification
    assert {point.name: point.value for point in served.points}["Invocation5XXErrors"] == 1


def test_missing_input_fails_with_its_name(served: Local) -> None:
    _, headers, _ = send(served, key="in/absent.png")
    assert f"s3://{BUCKET}/in/absent.png" in found(served, headers["X-Amzn-SageMaker-FailureLocation"])


def test_request_that_breaks_the_service_model_is_refused(served: Local) -> None:
    for change, rule in (
        ({"requestttlseconds": "5"}, "RequestTTLSeconds"),
        ({"invocationtimeoutseconds": "3601"}, "value less than or equal to 3600"),
        ({"inference_id": "x" * 65}, "length less than or equal to 64"),
    ):
        status, _, said = send(served, **change)
        assert status == 400
        assert rule in said["message"]
    status, _, content = served.service.async_requests.accept(
        ENDPOINT, {"x-amzn-sagemaker-inputlocation": "here"}, b"")
    assert status == 400
    assert "regular expression" in json.loads(content)["message"]


def test_each_way_of_asking_needs_its_endpoint(served: Local) -> None:
    status, headers, body = ask(served)
    assert (status, headers["x-amzn-errortype"]) == (400, "ValidationError")
    assert "InvokeEndpointAsync" in json.loads(body)["message"]
    assert send(served, body=b"inline", inputlocation=f"s3://{BUCKET}/in/a.png")[0] == 400
    served.call("DeleteEndpoint", EndpointName=ENDPOINT)
    add(served, "plain", b"plain", SERVERLESS)
    create(served, "plain")
    status, _, said = send(served)
    assert status == 400
    assert "no AsyncInferenceConfig" in said["message"]


def test_accepted_requests_outlive_a_restart(served: Local) -> None:
    """Given one request under way and one that waits, when the server starts again, then both are answered."""
    _, under_way, _ = send(served, body=b"wait")
    _, waiting, _ = send(served, body=b"later")
    wait_until(lambda: served.service.async_requests.backlog(ENDPOINT) == 2)
    served.program("serve", SERVES.replace("time.sleep(600)", "pass"))
    served.start_again()
    assert found(served, waiting["X-Amzn-SageMaker-OutputLocation"]) == "firstlater"
    assert found(served, under_way["X-Amzn-SageMaker-OutputLocation"]) == "firstwait"


def test_request_that_kills_its_server_does_not_go_round_for_ever(served: Local) -> None:
    _, headers, _ = send(served, body=b"die")
    wait_until(lambda: served.service.async_requests.backlog(ENDPOINT) == 0)
    assert "no answer" in heard(served, served.error[1])["failureReason"]
    assert headers["X-Amzn-SageMaker-FailureLocation"].removeprefix(f"s3://{BUCKET}/") in served.objects("failures/")
    _, headers, _ = send(served, body=b"next")
    assert found(served, headers["X-Amzn-SageMaker-OutputLocation"]) == "firstnext"


def test_deleted_endpoint_forgets_its_queue(served: Local) -> None:
    send(served, body=b"wait")
    send(served, body=b"later")
    served.call("DeleteEndpoint", EndpointName=ENDPOINT)
    wait_until(lambda: served.service.async_requests.backlog(ENDPOINT) == 0)
    assert not [key for key in served.objects("answers/") if key]


def test_described_endpoint_names_its_configuration(served: Local) -> None:
    endpoint = described(served)
    assert endpoint["AsyncInferenceConfig"]["ClientConfig"] == {"MaxConcurrentInvocationsPerInstance": 1}
    assert endpoint["ProductionVariants"][0]["CurrentInstanceCount"] == 1


def test_endpoint_without_instances_keeps_its_requests(served: Local) -> None:
    """Given no instance, when a request comes, then it waits until there is one, also over a restart."""
    scale = {"EndpointName": ENDPOINT, "DesiredWeightsAndCapacities": [
        {"VariantName": "all", "DesiredInstanceCount": 0}]}
    served.call("UpdateEndpointWeightsAndCapacities", **scale)
    assert settled(served)["ProductionVariants"][0]["CurrentInstanceCount"] == 0
    wait_until(lambda: list(served.settings.children.iterdir()) == [])
    _, headers, _ = send(served, body=b"patient")
    served.start_again()
    assert described(served)["EndpointStatus"] == "InService"
    assert list(served.settings.children.iterdir()) == []
    scale["DesiredWeightsAndCapacities"][0]["DesiredInstanceCount"] = 1
    served.call("UpdateEndpointWeightsAndCapacities", **scale)
    assert found(served, headers["X-Amzn-SageMaker-OutputLocation"]) == "firstpatient"


def test_notification_may_carry_the_answer() -> None:
    from app.embedded.sagemaker.servers import Reply

    record = {"CreationTime": 1_700_000_000.25, "InferenceId": "i", "EndpointName": "e", "OutputLocation": "s3://b/o"}
    said = async_results.message(record, Reply(200, b"{}", "application/json", 0.1), "", with_answer=True)
    assert base64.b64decode(said["responseBody"]["content"]) == b"{}"
    assert said["receivedTime"] == "2023-11-14T22:13:20.250Z"
    large = Reply(200, b"x" * (128 * 1024 + 1), "text/plain", 0.1)
    assert "responseBody" not in async_results.message(record, large, "", with_answer=True)


def test_expired_request_is_not_asked(served: Local) -> None:
    """Given a request older than its time to live, when a server is free, then it fails as expired."""
    add_model(served, "other", b"other")
    send(served, body=b"wait")
    wait_until(lambda: served.service.async_requests.backlog(ENDPOINT) == 1)
    _, headers, _ = send(served, body=b"late", requestttlseconds="60")
    [waiting] = [r for r in served.cloud.store.all("AsyncInvocation") if "RequestTTLSeconds" in r]
    served.cloud.store.change(waiting, CreationTime=waiting["CreationTime"] - 61)
    served.program("serve", SERVES.replace("time.sleep(600)", "pass"))
    served.start_again()
    assert "expired" in found(served, headers["X-Amzn-SageMaker-FailureLocation"])
