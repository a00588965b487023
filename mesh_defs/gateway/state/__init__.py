"""What the gateway remembers: requests, grants, tokens and leases, receipts, what is to be told.

`mesh_defs.gateway.state.database.open_state` opens it.
"""
