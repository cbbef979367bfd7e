"""Speed, measured: every stack in a process of its own, medians and ratios of one run (`make bench`). Never a test."""
