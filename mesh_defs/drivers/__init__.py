"""What connects products to technology: storage, compute, sources."""
