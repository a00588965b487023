"""One module per step; the first revision is ``0001``."""
