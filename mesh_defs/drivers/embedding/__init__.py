"""Embedding drivers: they turn texts into vectors, so that what means the same lies close."""
