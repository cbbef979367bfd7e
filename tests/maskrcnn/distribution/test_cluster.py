"""resourceconfig.json becomes TF_CONFIG."""

from __future__ import annotations

import json

import numpy as np
import pytest
from maskrcnn.distribution.cluster import Cluster, parse_addresses, tf_config
from maskrcnn.distribution.messages import packed, unpacked
from maskrcnn.program import JobError


def resources(current: str, *hosts: str) -> str:
    """As SageMaker writes it, with more in it than is read."""
    return json.dumps({"current_host": current, "hosts": hosts, "network_interface_name": "eth0",
                       "current_instance_type": "ml.g5.xlarge"})


def test_hosts_are_in_one_order_whatever_the_file_says_and_the_second_is_ranked_second():
    one, other = (Cluster.parse(resources("algo-2", *hosts)) for hosts in (
        ("algo-1", "algo-2", "algo-10"), ("algo-10", "algo-2", "algo-1")))
    assert one == other == Cluster(("algo-1", "algo-2", "algo-10"), 1)
    assert one.host == "algo-2"


def test_tf_config_has_every_host_as_a_worker():
    assert tf_config(Cluster(("algo-1", "algo-2"), 1)) == {
        "cluster": {"worker": ["algo-1:2222", "algo-2:2222"]}, "task": {"type": "worker", "index": 1}}


def test_addresses_stand_in_for_names():
    addresses = parse_addresses("algo-1=127.0.0.1:4001,algo-2=127.0.0.1:4002")
    found = tf_config(Cluster(("algo-1", "algo-2")), addresses)
    assert found["cluster"]["worker"] == ["127.0.0.1:4001", "127.0.0.1:4002"]
    assert parse_addresses("") == {}


def test_without_the_file_the_host_is_alone(tmp_path):
    assert Cluster.read(tmp_path / "resourceconfig.json") == Cluster(("algo-1",), 0)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"current_host": "algo-3", "hosts": ["algo-1"]}',
                                  '{"current_host": "algo-1", "hosts": [1]}'])
def test_file_that_sagemaker_would_not_write_is_refused(text):
    with pytest.raises(JobError, match="needs current_host") as caught:
        Cluster.parse(text)
    assert caught.value.code == "CONFIG_INVALID"


def test_messages_of_any_length_come_back_from_one_array():
    messages = [b"", b"12345678", b"one more than eight"[:9], b"\0\0", bytes(range(256))]
    assert unpacked(np.concatenate([packed(message) for message in messages])) == messages
    assert packed(b"123456789").tolist()[0] == 9
    assert len(packed(b"123456789")) == 3
