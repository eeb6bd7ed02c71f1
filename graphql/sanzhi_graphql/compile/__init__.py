"""Selections compiled to one SQL statement that returns the finished JSON (architecture 6–9)."""
