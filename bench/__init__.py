"""Measurements, run by hand: `python -m bench.<name>`; each prints one JSON line."""
