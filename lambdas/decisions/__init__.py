"""What the pipeline decides, without any AWS call: every module here is pure and has a table of tests."""
