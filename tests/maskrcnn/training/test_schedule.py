"""The learning rate over the steps."""

from __future__ import annotations

import pytest
from maskrcnn.training.config import Stage, TrainingConfig
from maskrcnn.training.schedule import Schedule


def schedule(**changes) -> Schedule:
    options = {"epochs": 9, "batch_size_per_gpu": 4, "base_lr": 0.02, "warmup": 10, "warmup_init_lr": 0.001} | changes
    return Schedule.from_config(TrainingConfig(**options), train_images=40)


def test_step_schedule_falls_at_two_thirds_and_eight_ninths():
    plan = schedule()
    assert (plan.total_steps, plan.steps_per_epoch) == (90, 10)
    rates = [plan.learning_rate(step) for step in (10, 59, 60, 79, 80, 89)]
    assert rates == pytest.approx([0.01, 0.01, 0.001, 0.001, 0.0001, 0.0001])  # scaled to batch 4 of 8


def test_warm_up_is_linear():
    plan = schedule()
    assert [plan.learning_rate(step) for step in (0, 5, 10)] == pytest.approx([0.001, 0.0055, 0.01])


def test_cosine_ends_near_zero():
    plan = schedule(lr_decay="cosine")
    assert plan.learning_rate(50) == pytest.approx(0.005)
    assert plan.learning_rate(89) < 0.0001


def test_lr_schedule_counts_steps_of_eight_images():
    plan = schedule(lr_schedule=(100, 150, 200))
    assert plan.total_steps == 400
    assert [plan.learning_rate(step) for step in (199, 200, 300)] == pytest.approx([0.01, 0.001, 0.0001])


def test_lr_epoch_schedule_counts_epochs():
    plan = schedule(lr_epoch_schedule=((2, 0.5), (4, 0.25), (5, None)))
    assert plan.total_steps == 50
    assert [plan.learning_rate(step) for step in (19, 20, 40)] == pytest.approx([0.01, 0.005, 0.0025])


def test_images_per_epoch_decides_the_length_and_a_part_of_a_batch_counts():
    assert schedule(images_per_epoch=10).steps_per_epoch == 3


def test_epoch_ends():
    plan = schedule()
    assert [step for step in range(25) if plan.is_epoch_end(step)] == [10, 20]
    assert plan.is_epoch_end(90)


def test_warm_up_never_takes_more_than_half_of_training():
    assert schedule(warmup=1000).warmup_steps == 45


def test_total_images_decide_the_length_in_steps_of_any_batch():
    assert schedule(total_images=402).total_steps == 101
    assert schedule(total_images=402, batch_size_per_gpu=2).total_steps == 201


def test_rate_without_a_reference_batch_is_not_scaled():
    assert schedule(lr_reference_batch=0).peak == 0.02
    assert schedule(lr_reference_batch=16).peak == 0.005


def test_stages_have_their_own_rates_whatever_the_batch_and_the_last_one_ends():
    plan = schedule(stages=(Stage(2, "heads", 0.5), Stage(3, "all", 0.1), Stage(7, "all", 0.01)), warmup=0)
    assert plan.total_steps == 70
    assert [plan.learning_rate(step) for step in (0, 19, 20, 29, 30, 69)] == pytest.approx(
        [0.5, 0.5, 0.1, 0.1, 0.01, 0.01])


def test_warm_up_leads_to_the_first_stage_in_half_of_it_at_most():
    plan = schedule(stages=(Stage(2, "heads", 0.5), Stage(9, "all", 0.1)), warmup=1000, warmup_init_lr=0.1)
    assert [plan.learning_rate(step) for step in (0, 5, 10)] == pytest.approx([0.1, 0.3, 0.5])


@pytest.mark.parametrize(("replicas", "batch", "rate", "steps"), [
    (1, 8, 0.01, 45), (8, 1, 0.01, 45), (4, 1, 0.005, 90), (16, 2, 0.04, 18)])
def test_rate_grows_with_the_joint_batch_of_all_devices_and_the_images_stay(replicas, batch, rate, steps):
    """Given tensorpack's base of 8 images a step, nine epochs of 40 images; a started batch counts as one."""
    plan = schedule(replicas=replicas, batch_size_per_gpu=batch, base_lr=0.01, warmup=1)
    assert (plan.peak, plan.total_steps) == (pytest.approx(rate), steps)
