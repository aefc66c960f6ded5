"""Programs of the language beside their peers: `python -m benchmarks --help`, docs/benchmarks.md."""
