"""Storage drivers: where published data lies."""
