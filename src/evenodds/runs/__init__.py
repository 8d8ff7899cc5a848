"""The run folder: what a training wrote, read again to sample, report and compare."""
