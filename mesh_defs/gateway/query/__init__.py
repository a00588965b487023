"""SQL that a stranger sends: what of it may run, and the locked engine that runs it."""
