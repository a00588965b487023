"""Delta Sharing, protocol version 1, server side: shares are domains, schemas are products, tables
are ports.

The protocol: https://github.com/delta-io/delta-sharing/blob/main/PROTOCOL.md
"""
