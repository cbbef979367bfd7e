"""A small server in place of the container's, its models, and endpoints in every mode."""

from __future__ import annotations

import io
import tarfile
from typing import Any

from .conftest import BUCKET, Local, wait_until

ENDPOINT = "inspect"
ROLE = "arn:aws:iam::000000000000:role/serving-role-of-castline"
PREAMBLE = "import os, sys, time, pathlib\nroot = pathlib.Path(os.environ['CASTLINE_ML_ROOT'])\n"
SERVES = """
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    answer = (root / "model/answer").read_bytes()
    if answer == b"broken":
        sys.exit(1)
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.reply(200, b"")
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen = self.headers.get("X-Amzn-SageMaker-Custom-Attributes", "").encode()
            if body == b"wait":
                time.sleep(600)
            if body == b"die":
                os._exit(1)
            if body == b"crash":
                return self.reply(500, b"trouble")
            self.reply(400, b'{"message": "empty"}') if not body else self.reply(200, answer + body + seen)
        def reply(self, status, body):
            self.send_response(status); self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", "application/json"); self.end_headers()
            self.wfile.write(body)
        def log_message(self, *_): pass
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
    """
SERVERLESS = {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 1}}
ASYNC = {"OutputConfig": {"S3OutputPath": f"s3://{BUCKET}/answers", "S3FailurePath": f"s3://{BUCKET}/failures"}}


def instances(count: int, instance_type: str = "ml.m5.large") -> dict[str, Any]:
    """The size of a variant that is not serverless."""
    return {"InstanceType": instance_type, "InitialInstanceCount": count}


def add_model(local: Local, name: str, answer: bytes) -> None:
    """A model whose server puts these bytes before what it is asked."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo("./answer")
        info.size = len(answer)
        archive.addfile(info, io.BytesIO(answer))
    local.s3.put_object(Bucket=BUCKET, Key=f"{name}.tar.gz", Body=buffer.getvalue())
    container = {"Image": "image", "ModelDataUrl": f"s3://{BUCKET}/{name}.tar.gz"}
    local.call("CreateModel", ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)


def add_config(local: Local, name: str, size: dict[str, Any] = SERVERLESS, *, model: str = "", **members: Any) -> None:
    """An endpoint configuration, of the model with the same name unless said."""
    variant = {"VariantName": "all", "ModelName": model or name, **size}
    local.call("CreateEndpointConfig", EndpointConfigName=name, ProductionVariants=[variant], **members)


def add(local: Local, name: str, answer: bytes, size: dict[str, Any] = SERVERLESS, **members: Any) -> None:
    """A model, and an endpoint configuration of the same name."""
    add_model(local, name, answer)
    add_config(local, name, size, **members)


def create(local: Local, config: str) -> None:
    """The endpoint, in service."""
    local.call("CreateEndpoint", EndpointName=ENDPOINT, EndpointConfigName=config)
    assert settled(local)["EndpointStatus"] == "InService"


def update(local: Local, config: str, **members: Any) -> None:
    """Begin to move the endpoint to another configuration."""
    local.call("UpdateEndpoint", EndpointName=ENDPOINT, EndpointConfigName=config, **members)


def described(local: Local) -> dict[str, Any]:
    """The endpoint as it is now."""
    return local.call("DescribeEndpoint", EndpointName=ENDPOINT)


def settled(local: Local) -> dict[str, Any]:
    """The endpoint once it is neither creating nor updating."""
    wait_until(lambda: described(local)["EndpointStatus"] in ("InService", "Failed"))
    return described(local)


def ask(local: Local, body: bytes = b"?", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """InvokeEndpoint."""
    return local.service.invocations.invoke(ENDPOINT, {"content-type": "image/png", **headers}, body)
