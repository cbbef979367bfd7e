"""One table a file: which rows it has, and what they mean."""
