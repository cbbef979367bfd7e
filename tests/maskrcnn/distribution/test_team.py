"""Two hosts that tell each other things, and two devices of one host that share a batch; no network is trained."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.distribution import team
from maskrcnn.distribution.cluster import Cluster
from maskrcnn.distribution.team import Team
from maskrcnn.program import JobError


@pytest.fixture(scope="module")
def hosts(processes, free_addresses):
    addresses = free_addresses(2)
    ended = processes("exercise.py", [["0", addresses], ["1", addresses]], [{}, {}])
    assert [host.status for host in ended] == [0, -9], ended[0].output + ended[1].output
    return [host.told("SAID")[0] for host in ended]


@pytest.fixture(scope="module")
def devices(processes):
    [ended] = processes("exercise.py", [["devices"]], [{}])
    assert ended.status == 0, ended.output
    return {name: np.array(value) for name, value in ended.told("SAID")[0].items()}


def test_messages_of_all_hosts_come_in_their_order_to_each(hosts):
    for said in hosts:
        assert said["gather"] == ["aaa", "a" * 23]
        assert said["from_chief"] == "from 0"


def test_hosts_agree_on_flags_and_on_numbers(hosts):
    """Given a flag that is up on one host and numbers that differ in one place, or only in their order."""
    for said in hosts:
        assert said["any"] == [True, False]
        assert said["all_same"] == [True, False, False]


def test_variables_get_the_values_of_the_chief(hosts):
    assert [said["share"] for said in hosts] == [[1.5, 2.0, 3.0]] * 2


def test_each_image_is_answered_by_one_host_and_scored_by_all_in_its_place(hosts):
    assert [said["answered"] for said in hosts] == [["0", "2", "4"], ["1", "3"]]
    assert [said["merged"] for said in hosts] == [True, True]


def test_validation_that_one_host_gives_up_is_given_up_by_all(hosts):
    assert [said["interrupted"] for said in hosts] == [None, None]


def test_killed_host_is_missed_in_good_time_with_a_reason(hosts):
    code, message = hosts[0]["lost"]
    assert code == "HOST_LOST"
    assert "algo-1: another of the 2 hosts ended" in message
    assert hosts[0]["lost_after_seconds"] < 60


def test_batch_norm_of_two_devices_is_that_of_the_joint_batch(devices):
    """Given four images on two devices, then mean, variance and gradient are those of TensorFlow's own batch norm."""
    x = tf.constant(devices["x"], tf.float32)
    weights = tf.reshape(tf.range(24.0), [2, 2, 2, 3])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y, mean, variance = tf.compat.v1.nn.fused_batch_norm(x, [1.0, 2.0, 3.0], [0.0] * 3, epsilon=1e-5)
        loss = tf.reduce_sum(y[:2] * y[:2] * weights) + 3.0 * tf.reduce_sum(y[2:] * y[2:] * weights)
    np.testing.assert_allclose(devices["mean"], mean, rtol=1e-5)
    np.testing.assert_allclose(devices["variance"], variance, rtol=1e-5)
    np.testing.assert_allclose(devices["gradient"].reshape(x.shape), tape.gradient(loss, x), rtol=1e-3, atol=2e-2)


def test_losses_of_two_devices_count_every_sample_of_the_joint_batch_once(devices):
    """Given six samples on one device and one on the other, whose scores are all (1, 0): a mean over seven."""
    of_background, of_object = math.log(1 + math.exp(-1)), math.log(1 + math.exp(1))
    np.testing.assert_allclose(devices["label_loss"], (5 * of_object + 2 * of_background) / 7, rtol=1e-5)
    assert devices["count"] == 2


def test_single_device_takes_the_step_as_it_is():
    alone, step = Team(), lambda batch: {}
    assert alone.on_every_device(step) is step
    assert (alone.replicas, alone.is_chief, alone.strategy) == (1, True, None)
    assert (alone.any(True), alone.any(False)) == (True, False)
    assert (alone.gather(b"x"), alone.from_chief(b"y")) == ([b"x"], b"y")
    assert alone.host_lost(tf.errors.UnavailableError(None, None, "gone")) is None


def test_more_gpus_than_the_host_has_are_refused():
    with pytest.raises(JobError, match='gpus = "65": algo-1 has') as caught:
        team.start(Cluster(), 65)
    assert caught.value.code == "CONFIG_INVALID"
