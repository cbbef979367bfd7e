"""What a person does to the pipeline, without printing anything: upload, follow a run, ask the endpoint."""
