"""Opening a port for a caller: one way for every protocol, so that all of them decide alike."""
