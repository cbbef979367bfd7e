"""Processing jobs of the local SageMaker."""

from __future__ import annotations

from .conftest import BUCKET, wait_until


def process(local, **changes):
    """Run a processing job to its end."""
    request = {
        "ProcessingJobName": "prepare-1",
        "AppSpecification": {"ImageUri": "image", "ContainerEntrypoint": ["prepare"]},
        "ProcessingResources": {"ClusterConfig": {
            "InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 10}},
        "RoleArn": "arn:aws:iam::000000000000:role/job-role-of-castline",
        "ProcessingInputs": [{"InputName": "job", "S3Input": {
            "S3Uri": f"s3://{BUCKET}/shards/a.tfrecord", "LocalPath": "/opt/ml/processing/input/job",
            "S3DataType": "S3Prefix", "S3InputMode": "File"}}],
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "out", "S3Output": {
            "S3Uri": f"s3://{BUCKET}/out", "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "EndOfJob"}}]},
        "Environment": {"WORD": "hello"},
    }
    local.call("CreateProcessingJob", **{**request, **changes})
    describe = lambda: local.call("DescribeProcessingJob", ProcessingJobName="prepare-1")  # noqa: E731
    wait_until(lambda: describe()["ProcessingJobStatus"] in ("Completed", "Failed", "Stopped"))
    return describe()


def test_inputs_come_and_outputs_go(local):
    local.program("prepare", """
        given = (root / "processing/input/job/a.tfrecord").read_text()
        (root / "processing/output/result").write_text(given + os.environ["WORD"])
        """)
    assert process(local)["ProcessingJobStatus"] == "Completed"
    assert local.text("out/result") == "shardhello"


def test_failed_program_leaves_its_message_and_no_output(local):
    local.program("prepare", """
        (root / "processing/output/result").write_text("half")
        (root / "output/message").write_text("3 of 4 images are broken")
        sys.exit(1)
        """)
    job = process(local)
    assert (job["ProcessingJobStatus"], job["ExitMessage"]) == ("Failed", "3 of 4 images are broken")
    assert job["FailureReason"].endswith("exit code: 1")
    assert local.objects("out/") == []


def test_time_limit_stops_the_job(local):
    local.program("prepare", "time.sleep(60)")
    assert process(local, StoppingCondition={"MaxRuntimeInSeconds": 1})["ProcessingJobStatus"] == "Stopped"
