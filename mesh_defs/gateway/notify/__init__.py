"""Owners are told: what happened becomes a CloudEvent and waits in the outbox until it is told."""
