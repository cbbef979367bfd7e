"""Speed, measured: medians and ratios of one run, printed as tables (`make bench`). Never part of the tests."""
