"""One program on one device, on many GPUs of a host, and on many hosts: who computes what, and how they agree."""
