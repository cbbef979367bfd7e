"""How often the pipeline tries again by itself; with the limits of time this bounds what a run can cost."""

from __future__ import annotations

PROCESSING_ATTEMPTS = 3
"""Jobs of one processing step: prepare or evaluate is done again under the next name when SageMaker broke it."""
INTERNAL_RETRIES = 2
TIME_LIMIT_RESUMES = 1
MEMORY_RETRIES = 3
"""Down to an eighth of the batch."""
TRAINING_RETRIES = INTERNAL_RETRIES + TIME_LIMIT_RESUMES + MEMORY_RETRIES
"""Training jobs of one run beyond one for each rung of the ladder."""
STOP_GRACE_SECONDS = 120
"""What a job may still take after SageMaker has told it to stop; it is billed."""
