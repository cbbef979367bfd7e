"""The four programs of the container: prepare, train, evaluate, serve; main() of each returns the exit status."""

import os

# Read by TensorFlow when it is imported: its native log buries the program's own; what matters is raised anyway.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
