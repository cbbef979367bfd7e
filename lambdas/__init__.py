"""The functions of the pipeline: one thin handler a file, pure decisions and AWS adapters beside them."""
