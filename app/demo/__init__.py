"""`make demo`: the whole chain on the embedded AWS, from nothing to masks on castings the model never saw."""
