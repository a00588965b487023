"""Who calls: OIDC tokens, service tokens, leases and the local admin token become callers."""
