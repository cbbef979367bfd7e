"""For each role of the stacks: what it works on, one thing that it must be able to do, and what it must not."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from app.contracts import keys

from . import calls
from .calls import JOB, RUN, Call

DOCUMENT = Path(__file__).parents[2] / "docs" / "roles.md"
BETWEEN = re.compile(r"(?<=<!-- table -->\n).*(?=<!-- end -->)", re.DOTALL)
VERSION = "0" * 16
RECORD, MANIFEST, UPLOAD = keys.run_record(RUN), keys.version_manifest(VERSION), f"{keys.INBOX}upload/cast.png"
IMAGE = keys.image("0" * 64, "png")


@dataclasses.dataclass(frozen=True)
class Row:
    """One role."""

    role: str
    """Its construct: the beginning of its logical id, without the hash."""
    whose: str
    works_on: str
    may: Call
    must_not: tuple[Call, ...]

    def line(self) -> str:
        refused = "; ".join(str(call) for call in self.must_not)
        return f"| {self.whose} | {self.works_on} | {self.may} | {refused} |"


def function(handler: str, works_on: str, may: Call, *must_not: Call) -> Row:
    return Row(f"Functions{handler.title().replace('_', '')}Role", f"function `{handler}`", works_on, may, must_not)


FUNCTIONS = (
    function("gate", "inbox (names only), lock, starts executions", calls.find("look into the inbox", keys.INBOX),
             calls.read("read an upload", UPLOAD), calls.create_endpoint()),
    function("claim", "records of runs, lock", calls.note("read the lock"),
             calls.write("move the champion", keys.CHAMPION), calls.start("start an execution")),
    function("snapshot", "versions in the inbox, documents of runs", calls.read("read a record", RECORD),
             calls.sweep("delete an upload", UPLOAD), calls.write("write into the data set", MANIFEST)),
    function("find_image", "tags of the image", Call(
        "look for a tag", "ecr:DescribeImages", "ecr", "describe_images",
        {"repositoryName": "castline-{environment}", "imageIds": [{"imageTag": "none"}]}),
        calls.read("read a record", RECORD)),
    function("start_prepare", "processing jobs, their requests", calls.describe_processing("look at a job"),
             calls.prepare_as("{serving}", "start a job under the endpoint's role"),
             calls.write("move the champion", keys.CHAMPION)),
    function("start_training", "training jobs", calls.describe_training("look at a job"),
             calls.write("write a record", RECORD), calls.stop_training("stop a job"),
             calls.read("read a manifest", MANIFEST)),
    function("next_attempt", "nothing but its log", calls.stream("write its log", "/aws/lambda/{next_attempt}"),
             calls.read("read a record", RECORD), calls.stream("write another's log", "/aws/lambda/{gate}")),
    function("start_evaluation", "processing jobs, champion (reads)", calls.read("read the champion", keys.CHAMPION),
             calls.write("move the champion", keys.CHAMPION),
             calls.prepare_as("{serving}", "start a job under the endpoint's role")),
    function("compare", "evaluations of runs", calls.read("read a record", RECORD),
             calls.write("move the champion", keys.CHAMPION), calls.create_endpoint()),
    function("register", "model registry", calls.sagemaker(
        "list versions", "list_model_packages", ModelPackageGroupName="castline-{environment}"),
        calls.create_endpoint(), calls.write("move the champion", keys.CHAMPION)),
    function("publish", "models, endpoint", calls.describe_endpoint(),
             calls.delete("delete an object", RECORD), calls.write("move the champion", keys.CHAMPION),
             calls.create_model_as("{training}", "serve under the role of training")),
    function("verify", "endpoint (asks), golden images", calls.describe_endpoint(),
             calls.sagemaker("change the endpoint", "update_endpoint", EndpointName="castline-{environment}",
                             EndpointConfigName=JOB)),
    function("bake", "endpoint (asks), golden images", calls.describe_endpoint(), calls.create_endpoint(),
             calls.write("write a record", RECORD)),
    function("move", "the champion on its way to another way of serving: endpoint, trial, golden images, champion",
             calls.read("read the champion", keys.CHAMPION), calls.write("move the head", keys.DATASET_HEAD),
             calls.create_model_as("{training}", "serve under the role of training")),
    function("restore", "endpoint, model registry", calls.describe_endpoint(),
             calls.write("move the champion", keys.CHAMPION), calls.write("move the head", keys.DATASET_HEAD)),
    function("commit", "champion, head of the data set, inbox (deletes what was frozen)",
             calls.read("read the head", keys.DATASET_HEAD), calls.sweep("delete an image of the data set", IMAGE),
             calls.create_endpoint()),
    function("finish", "records, lock, topic", calls.describe_training("look at a job"),
             calls.stop_training("stop a job"), calls.write("move the head", keys.DATASET_HEAD),
             calls.invoke("call another function than the gate", "commit")),
    function("fail_run", "records, lock, topic, jobs (stops)", calls.stop_training("stop a job"),
             calls.write("move the champion", keys.CHAMPION), calls.start("start an execution")),
    function("resolve", "task tokens, state of jobs", calls.describe_processing("look at a job"),
             calls.start("start an execution"), calls.stop_training("stop a job")),
    function("recall", "champion, records of runs (reads)", calls.read("read the champion", keys.CHAMPION),
             calls.write("move the champion", keys.CHAMPION), calls.create_endpoint()),
    function("withdraw", "model registry, task tokens", calls.sagemaker(
        "list versions", "list_model_packages", ModelPackageGroupName="castline-{environment}"),
        calls.write("move the champion", keys.CHAMPION), calls.create_endpoint()),
    function("reconcile", "what the others left undone", calls.describe_execution("look at an execution"),
             calls.write("move the champion", keys.CHAMPION), calls.sweep("delete an upload", UPLOAD)),
)
"""The functions, in the order of a run."""

SERVICES = (
    Row("RolesPrepare", "job `prepare`", "uploads (reads), data set, runs, quarantine",
        calls.read("read an upload", UPLOAD), (
            calls.write("move the champion", keys.CHAMPION), calls.write("change an upload", UPLOAD),
            calls.delete("delete an image of the data set", IMAGE), calls.note("read the state table"))),
    Row("RolesTraining", "job `train`", "data set (reads), runs, their checkpoints",
        calls.read("read the data set", IMAGE), (
            calls.write("move the champion", keys.CHAMPION), calls.read("read an upload", UPLOAD),
            calls.write("write into the data set", MANIFEST), calls.delete("delete a record", RECORD))),
    Row("RolesEvaluation", "job `evaluate`", "data set (reads), models, runs",
        calls.read("read the data set", IMAGE), (
            calls.write("move the champion", keys.CHAMPION), calls.read("read an upload", UPLOAD),
            calls.write("write into the data set", MANIFEST), calls.delete("delete a record", RECORD))),
    Row("RolesServing", "endpoint, serverless", "models of runs (reads)",
        calls.read("read a model", f"runs/{RUN}/model/model.tar.gz"), (
            calls.read("read the data set", IMAGE), calls.read("read an upload", UPLOAD),
            calls.write("write a record", RECORD))),
    Row("RolesMachines", "endpoint on machines", "models of runs (reads), requests, answers, captures",
        calls.read("read a model", f"runs/{RUN}/model/model.tar.gz"), (
            calls.read("read the data set", IMAGE), calls.write("write a record", RECORD),
            calls.delete("delete an object", RECORD))),
    Row("CopyReads", "copy to the file system, where there is one", "data sets (reads)",
        calls.read("read the data set", IMAGE), (
            calls.read("read an upload", UPLOAD), calls.write("write into the data set", MANIFEST))),
    Row("WorkflowRole", "state machine", "its functions, the build of the image",
        calls.invoke("call a function of its own", "claim"), (
            calls.invoke("call the reconciler", "reconcile"), calls.read("read a record", RECORD))),
    Row("BuildRole", "build of the image", "its source, the registry", Call(
        "log in to the registry", "ecr:GetAuthorizationToken", "ecr", "get_authorization_token", {}), (
            Call("delete an image", "ecr:BatchDeleteImage", "ecr", "batch_delete_image",
                 {"repositoryName": "castline-{environment}", "imageIds": [{"imageTag": "none"}]}),
            calls.read("read the data set", IMAGE))),
)

ROWS = (*FUNCTIONS, *SERVICES)

OPERATOR = Row("operator", "people who operate (policy `OperatorPolicyArn`)", "the command line", calls.write(
    "upload", UPLOAD), (
        calls.write("move the champion", keys.CHAMPION), calls.delete("delete an upload", UPLOAD),
        calls.create_endpoint(), calls.forget("release the lock")))
DEPLOYER = Row("deployer", "people who deploy", "the roles of the CDK bootstrap", Call(
    "assume one of them", "sts:AssumeRole", "sts", "assume_role",
    {"RoleArn": "{deploy_role}", "RoleSessionName": "roles"}), (calls.read("read the data set", IMAGE),))


def written(text: str) -> str:
    """The document with the table as it should be."""
    head = "| whose | works on | for example may | must not |\n|---|---|---|---|\n"
    lines = "".join(f"{row.line()}\n" for row in (*ROWS, OPERATOR, DEPLOYER))
    return BETWEEN.sub(lambda _: head + lines, text)
