"""The command line: one file a group of commands; what they do lies in app.client, how it looks in rendering."""
