"""Policies about the rows of a port, before they are published."""
