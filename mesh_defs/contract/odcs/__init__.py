"""ODCS in: one module per part of the standard, each turning YAML into rules and faults."""
