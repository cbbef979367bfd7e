"""Every JSON document, S3 key, name and error that crosses a boundary, defined once.

Standard library only: the Lambdas, the container programs and the command line all import it.
"""
