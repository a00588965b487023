"""Products as documents of open standards: ODPS, DPROD."""
