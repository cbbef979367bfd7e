"""A trained model in the forms that other programs read: `python -m maskrcnn.export`."""
