"""Data sets for examples and benchmarks."""
