"""The five stacks, in the order they deploy: network, data, image, pipeline, operations."""
