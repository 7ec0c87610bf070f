"""Benchmarks: our arms beside the limits they are measured against, always in one run and in turns.

`python -m tests.bench` prints a table of ratios and writes them as JSON; `docs/benchmarks.md` says how to read it.
"""
