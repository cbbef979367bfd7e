"""The state machine: its definition in plain Python, and the construct that deploys it."""
