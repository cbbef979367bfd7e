"""What a data set looks like: `python -m maskrcnn.data.portrait`, numbers and one page; without TensorFlow."""
