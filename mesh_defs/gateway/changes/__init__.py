"""What changed in a port from one published version to the next, as a caller may see it."""
