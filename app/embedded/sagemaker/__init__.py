"""A local SageMaker inside the embedded AWS: training, processing, models, endpoints and the model registry.

Requests and answers follow botocore's service model; programs of the container image run as plain processes.
"""
