"""Side-by-side measurements, each a command: `python -m benchmarks` runs those against plain diffusers."""
