"""How good a model is on the frozen test set, against the champion, in numbers, pictures and one page."""
