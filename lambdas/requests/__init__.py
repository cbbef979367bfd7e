"""The requests that create SageMaker resources, built from settings alone: pure, and checked by botocore's model."""
