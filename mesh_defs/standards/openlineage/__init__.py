"""Runs and versions of products as OpenLineage events (specification 2-0-2)."""
