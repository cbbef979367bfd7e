"""The hosts of one training job: folders, configuration, programs and what is copied between them and S3."""

from __future__ import annotations

import contextlib
import json
import re
import time
from pathlib import Path

from app.contracts.jobs import HOST_ADDRESSES_VARIABLE
from app.embedded.sagemaker import channels
from app.embedded.sagemaker.cloud import Cloud
from app.embedded.sagemaker.logs import GROUPS
from app.embedded.sagemaker.ports import free_ports
from app.embedded.sagemaker.programs import JOB_NICENESS, Program
from app.embedded.sagemaker.several import Programs
from app.embedded.sagemaker.shapes import Record
from app.embedded.sagemaker.transfers import Mirror
from app.embedded.settings import HOST, REGION


class TrainingHosts:
    """All hosts of a job: processes of this machine, each with its own folders and its own log.

    Args:
        cloud: The surroundings.
        record: The job.
    """

    def __init__(self, cloud: Cloud, record: Record) -> None:
        self._record, self._transfers = record, cloud.transfers
        names = [f"algo-{number}" for number in range(1, host_count(record) + 1)]
        self._lines: list[str] = []
        self._hosts = [_Host(cloud, record, name, names, self._lines) for name in names]
        self._programs: Programs | None = None

    @property
    def failed_root(self) -> Path:
        """What the host that failed first saw as /opt/ml."""
        return self._hosts[self._programs.first_failed if self._programs else 0].root

    def download(self) -> str:
        """Fetch channels and checkpoints to every host; returns the failure reason, if any."""
        reasons = [host.download() for host in self._hosts]
        return next((reason for reason in reasons if reason), "")

    def start(self) -> Programs:
        """Start the program `train` on every host."""
        ports = free_ports(len(self._hosts))
        addresses = ",".join(f"{host.name}={HOST}:{port}" for host, port in zip(self._hosts, ports, strict=True))
        self._programs = Programs([host.start(addresses) for host in self._hosts])
        return self._programs

    def push_checkpoints(self) -> None:
        """Bring the checkpoints' S3 prefix up to date."""
        for host in self._hosts:
            host.push_checkpoints()

    def lose_machine(self) -> None:
        """Everything on the disks of interrupted machines is gone."""
        for host in self._hosts:
            channels.remove(host.root)

    def upload_model(self) -> str:
        """Pack the first host's /opt/ml/model, which alone writes one, and return its address."""
        output = self._record["OutputDataConfig"]["S3OutputPath"].rstrip("/")
        uri = f"{output}/{self._record['_name']}/output/model.tar.gz"
        self._transfers.upload_archive(self._hosts[0].root / "model", uri)
        return uri

    def metrics(self) -> list[Record]:
        """The last value of every metric definition, as FinalMetricDataList has it."""
        found = []
        for definition in self._record["AlgorithmSpecification"].get("MetricDefinitions", []):
            pattern = re.compile(definition["Regex"])
            for line in reversed(self._lines):
                if match := pattern.search(line):
                    with contextlib.suppress(ValueError):
                        found.append({"MetricName": definition["Name"], "Value": float(match[1]),
                                      "Timestamp": time.time()})
                    break
        return found


class _Host:
    """The folders of one host below what it sees as /opt/ml, and its program."""

    def __init__(self, cloud: Cloud, record: Record, name: str, names: list[str], lines: list[str]) -> None:
        self._cloud, self._record, self._names, self._lines = cloud, record, names, lines
        self.name = name
        own = "" if name == names[0] else name
        self.root: Path = cloud.settings.work / "training" / record["_name"] / own / "opt" / "ml"
        if self.root.exists():
            channels.remove(self.root)
        self.log = cloud.log(GROUPS["TrainingJob"], f"{record['_name']}/{name}-{int(time.time())}")
        self._mirror: Mirror | None = None

    def download(self) -> str:
        """Fetch channels and checkpoints and write the configuration; returns the failure reason, if any."""
        record, transfers = self._record, self._cloud.transfers
        for channel in record.get("InputDataConfig", []):
            if missing := channels.provide(self._cloud, channel, self.root / "input/data" / channel["ChannelName"]):
                return missing
        for folder in ("checkpoints", "model", "output/data", "input/config"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        if checkpoints := record.get("CheckpointConfig"):
            transfers.download(checkpoints["S3Uri"], self.root / "checkpoints")
            self._mirror = Mirror(self._cloud.s3, self.root / "checkpoints", checkpoints["S3Uri"])
        self._write_configuration()
        return ""

    def _write_configuration(self) -> None:
        record, folder = self._record, self.root / "input/config"
        inputs = {c["ChannelName"]: {"TrainingInputMode": c.get("InputMode", "File")}
                    for c in record.get("InputDataConfig", [])}
        resources = {"current_host": self.name, "hosts": self._names, "current_instance_type": instance_type(record),
                     "network_interface_name": "lo"}
        for name, content in (("hyperparameters", record.get("HyperParameters", {})),
                              ("inputdataconfig", inputs), ("resourceconfig", resources)):
            (folder / f"{name}.json").write_text(json.dumps(content))

    def start(self, addresses: str) -> Program:
        """Start the program; `addresses` stand in for the names of the hosts, which lead nowhere here."""
        record = self._record
        isolated = record.get("EnableNetworkIsolation", False)
        environment = {**self._cloud.access.environment(isolated=isolated), **record.get("Environment", {}),
                       "TRAINING_JOB_NAME": record["_name"], "TRAINING_JOB_ARN": record["TrainingJobArn"],
                       "AWS_REGION": REGION, HOST_ADDRESSES_VARIABLE: addresses}
        return Program(self._cloud.settings, self._cloud.children, "train", self.root, environment, self._line,
                       JOB_NICENESS)

    def _line(self, line: str) -> None:
        self._lines.append(line)
        self.log.write(line)

    def push_checkpoints(self) -> None:
        """Bring the checkpoints' S3 prefix up to date with what this host wrote."""
        if self._mirror:
            self._mirror.push()
        with contextlib.suppress(Exception):  # the log is for people; training goes on without
            self.log.flush()


def instance_type(record: Record) -> str:
    """The machine that the job would have run on."""
    resources = record["ResourceConfig"]
    preferences = resources.get("InstancePreferences") or [{}]
    first: str = resources.get("InstanceType") or preferences[0].get("InstanceType", "")
    return first


def host_count(record: Record) -> int:
    """How many of them."""
    resources = record["ResourceConfig"]
    preferences = resources.get("InstancePreferences") or [{}]
    return int(resources.get("InstanceCount") or preferences[0].get("InstanceCount") or 1)
