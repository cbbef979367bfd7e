"""Exceptions whose class names are the error names that the state machine retries and catches.

Step Functions sees a function's exception by its class name, so the names here are those of contracts.errors;
tests/lambdas/test_small_states.py holds the two together.
"""

from __future__ import annotations


class PipelineError(Exception):
    """Base of all; the message is a sentence that a person can act on."""


class RunInProgressError(PipelineError):
    """Another execution holds the lock."""


class ImageMissingError(PipelineError):
    """The container image is not in the repository although it was just built."""


class TrainQuotaError(PipelineError):
    """The account's quota for the training machines is used up."""


class TrainConfigError(PipelineError):
    """SageMaker refused the training job's settings."""


class JobQuotaError(PipelineError):
    """The account's quota for the processing machines is used up."""


class JobConfigError(PipelineError):
    """SageMaker refused the processing job's settings."""


class ChampionMovedError(PipelineError):
    """The champion pointer changed since the run began."""


class HeadMovedError(PipelineError):
    """The data-set head is no longer the version that the run added to."""


class RollbackRefusedError(PipelineError):
    """The champion that shall serve again never served, or is not whole any more."""


class PublishFailedError(PipelineError):
    """The endpoint does not serve the requested configuration."""


class PublishUnfaithfulError(PipelineError):
    """The endpoint answers unlike the evaluated model."""


class EndpointBusyError(PipelineError):
    """The endpoint is changing; the state machine tries again in a moment."""
