"""What each Lambda function may do: read it beside the table of docs/pipeline.md."""

from __future__ import annotations

from collections.abc import Callable

from app.contracts import keys
from infra.arns import SCALING_SERVICE
from infra.grants import Grant
from infra.resources import Resources

INBOX, RUNS = f"{keys.INBOX}*", keys.run("*").rstrip("/")


def _gate(r: Resources) -> tuple[Grant, ...]:
    start = Grant(actions=("states:StartExecution",), resources=(r.arns.state_machine,))
    return (r.list_objects(), r.state("Get", "Put", "Query"), start, r.executions("DescribeExecution"))


def _claim(r: Resources) -> tuple[Grant, ...]:
    return (*r.read(RUNS), r.write(RUNS), r.state("Get", "Put"), r.executions("DescribeExecution"))


def _snapshot(r: Resources) -> tuple[Grant, ...]:
    return (
        *r.read(RUNS, keys.DATASET_HEAD, keys.READY_MARKER),
        r.objects(("s3:PutObject", "s3:AbortMultipartUpload"), RUNS),
        r.objects(("s3:DeleteObjectVersion",), keys.READY_MARKER),
        r.list_objects("s3:ListBucketVersions"),
    )


def _find_image(r: Resources) -> tuple[Grant, ...]:
    return (Grant(actions=("ecr:DescribeImages",), resources=(r.arns.repository,)),)


def _recall(r: Resources) -> tuple[Grant, ...]:
    return r.read(RUNS, keys.CHAMPION)


def _waiting(r: Resources) -> tuple[Grant, ...]:
    """Look whose turn it is; store a token before something is started, answer it at once when that has ended."""
    return (r.state("Get", "Put", "Delete"), r.callbacks("SendTaskSuccess", "SendTaskFailure"))


def _start_processing(r: Resources, role_arn: str) -> tuple[Grant, ...]:
    return (
        *r.read(RUNS),
        r.write(RUNS),
        *_waiting(r),
        r.made_by_runs("processing-job", "CreateProcessingJob", "DescribeProcessingJob", "AddTags"),
        r.pass_role(role_arn),
    )


def _start_prepare(r: Resources) -> tuple[Grant, ...]:
    return _start_processing(r, r.prepare_role_arn)


def _start_evaluation(r: Resources) -> tuple[Grant, ...]:
    return (*_start_processing(r, r.evaluation_role_arn), r.objects(("s3:GetObject",), keys.CHAMPION))


def _start_training(r: Resources) -> tuple[Grant, ...]:
    return (
        *r.read(keys.version_copy("*")),
        *_waiting(r),
        r.made_by_runs("training-job", "CreateTrainingJob", "DescribeTrainingJob", "AddTags"),
        r.pass_role(r.training_role_arn),
    )


def _compare(r: Resources) -> tuple[Grant, ...]:
    return (*r.read(RUNS), r.write(RUNS))


def _register(r: Resources) -> tuple[Grant, ...]:
    # The service asks about the group too when a version of it is made or listed.
    in_group = ("CreateModelPackage", "ListModelPackages")
    group = Grant(actions=tuple(f"sagemaker:{action}" for action in in_group), resources=(r.arns.model_package_group,))
    return (
        group,
        r.model_packages(*in_group, "DescribeModelPackage"),
        *_waiting(r),
        # Who is asked is told the figures.
        *r.read(RUNS),
        r.notify(),
    )


def _withdraw(r: Resources) -> tuple[Grant, ...]:
    return (
        Grant(actions=("sagemaker:ListModelPackages",), resources=(r.arns.model_package_group,)),
        r.model_packages("ListModelPackages", "DescribeModelPackage", "UpdateModelPackage"),
        r.state("Get", "Delete"),
    )


def _ask_endpoint(r: Resources) -> tuple[Grant, ...]:
    """Make the endpoint take a configuration; both are resources of the calls."""
    changes = ("CreateEndpoint", "UpdateEndpoint")
    return (
        r.made_by_runs("endpoint-config", *changes),
        r.endpoint(*changes, "DeleteEndpoint", "DescribeEndpoint", "AddTags"),
        *r.read(keys.CHAMPION),
        # Whether SageMaker can change it in place depends on both configurations.
        r.made_by_runs("endpoint-config", "DescribeEndpointConfig"),
        # Machines of another kind must not scale while the endpoint changes.
        r.scaling("DeregisterScalableTarget"),
        r.scaling_alarms("DeleteAlarms"),
    )


def _scale(r: Resources) -> tuple[Grant, ...]:
    """Let the endpoint scale: Application Auto Scaling asks for what it does itself, then, under its own role."""
    if not r.on_machines:
        return ()
    return (
        r.scaling("RegisterScalableTarget", "DeregisterScalableTarget", "PutScalingPolicy"),
        r.scaling_alarms("DescribeAlarms", "PutMetricAlarm", "DeleteAlarms"),
        r.endpoint("DescribeEndpoint", "UpdateEndpointWeightsAndCapacities"),
        r.made_by_runs("endpoint-config", "DescribeEndpointConfig"),
        Grant(
            actions=("iam:CreateServiceLinkedRole",),
            resources=(r.arns.scaling_role,),
            conditions={"StringEquals": {"iam:AWSServiceName": SCALING_SERVICE}},
        ),
    )


def _watched(r: Resources) -> tuple[Grant, ...]:
    """Name alarms that roll an update back."""
    return (Grant(actions=("cloudwatch:DescribeAlarms",), resources=r.arns.rollout_alarms),) if r.on_machines else ()


def _ask_golden(r: Resources) -> tuple[Grant, ...]:
    """Send golden images through the endpoint."""
    kind = "InvokeEndpointAsync" if r.serving_mode == "async" else "InvokeEndpoint"
    return (*r.read(RUNS), r.endpoint("DescribeEndpoint", kind))


def _prove(r: Resources) -> tuple[Grant, ...]:
    """Compare what the endpoint answers; the answers of an async one come to the bucket."""
    proofs = f"{keys.SERVING_PROOFS}*"
    awaited = (
        r.objects(("s3:GetObject",), proofs, f"{keys.SERVING_ANSWERS}*", f"{keys.SERVING_FAILURES}*"),
        r.objects(("s3:PutObject", "s3:DeleteObject"), proofs),
    )
    return (*_ask_golden(r), *(awaited if r.serving_mode == "async" else ()))


def _publish(r: Resources) -> tuple[Grant, ...]:
    return (
        *_ask_endpoint(r),
        *_waiting(r),
        *_configure(r),
        *_watched(r),
        r.invoke("move"),
        # A champion of before is served by the container that was proven.
        r.objects(("s3:GetObject",), keys.run_champion("*")),
        r.made_by_runs("model", "DescribeModel"),
    )


def _configure(r: Resources) -> tuple[Grant, ...]:
    """Create a model and an endpoint configuration."""
    return (
        r.made_by_runs("model", "CreateModel", "AddTags"),
        r.made_by_runs("endpoint-config", "CreateEndpointConfig", "AddTags"),
        r.pass_role(r.serving_role_arn),
    )


def _move(r: Resources) -> tuple[Grant, ...]:
    """Whatever publishing, proving and committing take, for the champion alone, and an endpoint to try it on."""
    tried = (*_ask_endpoint(r), *_prove(r))
    trial = Grant(
        actions=tuple(sorted({a for g in tried for a in g.actions if r.arns.endpoint in g.resources})),
        resources=(r.arns.trial_endpoint,),
    )
    return (
        *tried,
        trial,
        *_configure(r),
        *_watched(r),
        *_scale(r),
        r.made_by_runs("model", "DescribeModel"),
        r.write(keys.CHAMPION),
        r.state("Get", "Put", "Delete"),
        r.notify(),
    )


def _verify(r: Resources) -> tuple[Grant, ...]:
    return (*_prove(r), *_scale(r))


def _bake(r: Resources) -> tuple[Grant, ...]:
    return _ask_golden(r)


def _restore(r: Resources) -> tuple[Grant, ...]:
    return (*_ask_endpoint(r), *_scale(r), r.model_packages("UpdateModelPackage"), r.state("Get", "Delete"))


def _commit(r: Resources) -> tuple[Grant, ...]:
    return (
        *r.read(RUNS, keys.DATASET_HEAD, keys.CHAMPION),
        r.write(keys.DATASET_HEAD, keys.CHAMPION, keys.run_champion("*")),
        r.objects(("s3:DeleteObjectVersion",), INBOX),
        r.state("Get"),
    )


def _finish(r: Resources) -> tuple[Grant, ...]:
    return (
        *r.read(RUNS),
        r.write(RUNS),
        r.state("Put", "Delete"),
        r.executions("GetExecutionHistory"),
        # What the run's jobs took, and so what they cost.
        r.made_by_runs("training-job", "DescribeTrainingJob"),
        r.made_by_runs("processing-job", "DescribeProcessingJob"),
        r.notify(),
        r.invoke("gate"),
    )


def _fail_run(r: Resources) -> tuple[Grant, ...]:
    return (
        *_finish(r),
        r.state("Get", "Query"),
        r.executions("DescribeExecution"),
        r.made_by_runs("training-job", "StopTrainingJob"),
        r.made_by_runs("processing-job", "StopProcessingJob"),
    )


def _resolve(r: Resources) -> tuple[Grant, ...]:
    return (
        r.made_by_runs("training-job", "DescribeTrainingJob"),
        r.made_by_runs("processing-job", "DescribeProcessingJob"),
        r.endpoint("DescribeEndpoint"),
        r.model_packages("DescribeModelPackage"),
        r.callbacks("SendTaskSuccess", "SendTaskFailure"),
        r.state("Get", "Delete"),
        *r.read(RUNS),
    )


def _reconcile(r: Resources) -> tuple[Grant, ...]:
    return (
        *_resolve(r),
        *_fail_run(r),
        *_gate(r),
        *_ask_endpoint(r),
        *_scale(r),
        r.invoke("move"),
        r.callbacks("SendTaskHeartbeat"),
    )


def _nothing(_: Resources) -> tuple[Grant, ...]:
    return ()


PERMISSIONS: dict[str, Callable[[Resources], tuple[Grant, ...]]] = {
    "gate": _gate,
    "claim": _claim,
    "recall": _recall,
    "snapshot": _snapshot,
    "find_image": _find_image,
    "start_prepare": _start_prepare,
    "start_training": _start_training,
    "next_attempt": _nothing,
    "start_evaluation": _start_evaluation,
    "compare": _compare,
    "register": _register,
    "withdraw": _withdraw,
    "publish": _publish,
    "verify": _verify,
    "bake": _bake,
    "move": _move,
    "restore": _restore,
    "commit": _commit,
    "finish": _finish,
    "fail_run": _fail_run,
    "resolve": _resolve,
    "reconcile": _reconcile,
}
"""Handler (module of lambdas/) -> what its role allows beside writing its own log."""
