"""Source drivers: read access to operational systems."""
