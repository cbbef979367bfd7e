"""Weights in and out: files of other systems in, under their names and layouts, and ours out again.

A file is read in two steps: containers turns it into named arrays, formats recognises whose names they are and
turns them into ours. assign then puts them into a network.
"""
