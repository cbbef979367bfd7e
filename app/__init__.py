"""What people run: the command line, the embedded AWS, and the contracts every part shares."""
