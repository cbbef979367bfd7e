"""Error names on both sides of the job boundary: what the container writes, what the state machine catches.

A Lambda error name is the Python class name of the exception, and Retry/Catch match on it; the task-token
path sends the same names. So one table serves both.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

FailureCode = Literal[
    "DATA_INVALID",        # the data break a rule; a person must fix them
    "DATA_TOO_MANY_BAD",   # more than the allowed share of items went to quarantine
    "DATA_TOO_FEW",        # not enough usable images to train, validate and test
    "CONFIG_INVALID",      # a hyperparameter or job setting is unknown or out of range
    "OUT_OF_MEMORY",       # the process ran out of host or GPU memory
    "LOSS_NOT_FINITE",     # NaN or Inf loss
    "CHECKPOINT_MISMATCH", # the checkpoint was written under other settings
    "CHECKPOINT_DAMAGED",  # checkpoints are there and none of them is whole
    "HOST_LOST",           # another host of the job ended or cannot be reached
    "INTERNAL",            # a bug: the sentence carries the exception
]


@dataclasses.dataclass(frozen=True)
class Failure:
    """What a container program writes to /opt/ml/output/failure before it exits non-zero.

    SageMaker copies the first 1,024 characters into FailureReason, behind `AlgorithmError: `.
    """

    code: FailureCode
    message: str


# Errors a training attempt may end with (SendTaskFailure error names).
TRAIN_CAPACITY = "TrainCapacityError"
TRAIN_INTERNAL = "TrainInternalError"
TRAIN_QUOTA = "TrainQuotaError"
TRAIN_TIME_LIMIT = "TrainTimeLimitError"
TRAIN_DATA = "TrainDataError"
TRAIN_MEMORY = "TrainMemoryError"
TRAIN_CONFIG = "TrainConfigError"
TRAIN_STOPPED = "TrainStopped"
TRAIN_ALGORITHM = "TrainAlgorithmError"

# Errors of the processing jobs (prepare, evaluate).
JOB_CAPACITY = "JobCapacityError"
JOB_INTERNAL = "JobInternalError"
JOB_QUOTA = "JobQuotaError"
JOB_TIME_LIMIT = "JobTimeLimitError"
JOB_DATA = "JobDataError"
JOB_MEMORY = "JobMemoryError"
JOB_CONFIG = "JobConfigError"
JOB_STOPPED = "JobStopped"
JOB_ALGORITHM = "JobAlgorithmError"

# Errors of publishing and of the run itself.
PUBLISH_FAILED = "PublishFailedError"          # endpoint Failed, or rolled back to another configuration
PUBLISH_UNFAITHFUL = "PublishUnfaithfulError"  # the endpoint answers unlike the evaluated model
RUN_IN_PROGRESS = "RunInProgressError"         # another execution holds the lock
CHAMPION_MOVED = "ChampionMovedError"          # the pointer changed since the run began
HEAD_MOVED = "HeadMovedError"                  # the data-set head was rolled back since the run began
ROLLBACK_REFUSED = "RollbackRefusedError"      # there is no such earlier champion, or not all of it any more
