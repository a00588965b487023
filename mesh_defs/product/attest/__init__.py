"""Attestations: what each version was made of, signed by the environment that made it."""
