"""Benchmarks: seeded workloads, the scripts that time them, and `results/` with the machine and the commit.

Nothing imports this package but its own tests and the engine's, which borrow the order flow.
"""
