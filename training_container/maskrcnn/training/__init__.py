"""Training: input pipeline, schedule, checkpoints, evaluation on the validation shards and the loop."""
