"""Policies about what is written down; they need no data."""
