"""The endpoint: image bytes in, instances and a verdict (or an overlay picture) out."""
