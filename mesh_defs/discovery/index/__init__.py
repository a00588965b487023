"""A copy of what products tell of themselves, to be searched. It can be thrown away at any time."""
