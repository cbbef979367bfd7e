"""The embedded AWS: ministack with a local SageMaker, started as one background process on loopback.

`control` starts and stops it, `__main__` is the process itself. What it is, how it works and where it ends:
docs/embedded.md.
"""
