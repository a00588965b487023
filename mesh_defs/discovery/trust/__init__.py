"""Whether a product can be trusted: what was measured, and whether what was signed still holds."""
