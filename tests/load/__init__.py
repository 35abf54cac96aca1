"""Benchmarks that print ratios of one run, never a pass or a fail: `make bench` (docs/benchmarks.md)."""
