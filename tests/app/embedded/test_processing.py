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


THREE = {"ClusterConfig": {"InstanceCount": 3, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 10}}


def test_each_of_several_hosts_knows_all_and_leaves_its_output(local):
    local.program("prepare", """
        told = json.loads((root / "config/resourceconfig.json").read_text())
        name = json.loads((root / "config/processingjobconfig.json").read_text())["ProcessingJobName"]
        text = " ".join([name, *told["hosts"]]) + (root / "processing/input/job/a.tfrecord").read_text()
        (root / "processing/output" / told["current_host"]).write_text(text)
        """)
    assert process(local, ProcessingResources=THREE)["ProcessingJobStatus"] == "Completed"
    assert {key: local.text(key) for key in local.objects("out/")} == {
        f"out/algo-{n}": "prepare-1 algo-1 algo-2 algo-3shard" for n in (1, 2, 3)}


def test_a_host_that_fails_ends_the_others_and_its_words_are_heard(local):
    """Given two hosts that would wait for ever, when the third fails, then the job has failed with what it said."""
    local.program("prepare", """
        if json.loads((root / "config/resourceconfig.json").read_text())["current_host"] == "algo-2":
            (root / "output/message").write_text("disk full")
            sys.exit(3)
        time.sleep(600)
        """)
    job = process(local, ProcessingResources=THREE)
    assert (job["ProcessingJobStatus"], job["ExitMessage"]) == ("Failed", "disk full")
    assert job["FailureReason"].endswith("exit code: 3")
    assert local.objects("out/") == []


def test_a_host_that_is_killed_fails_the_job(local):
    local.program("prepare", """
        if json.loads((root / "config/resourceconfig.json").read_text())["current_host"] == "algo-3":
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(600)
        """)
    assert process(local, ProcessingResources=THREE)["ProcessingJobStatus"] == "Failed"


def test_the_time_limit_stops_all_hosts(local):
    local.program("prepare", "time.sleep(600)")
    job = process(local, ProcessingResources=THREE, StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert job["ProcessingJobStatus"] == "Stopped"
