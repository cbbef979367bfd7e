"""The four programs of the container: prepare, train, evaluate, serve; each has a main() that returns the exit status."""
