"""What changed between two contracts of a port, whom that breaks, and which version it demands.

Pure: documents in, changes out. docs/decisions/0012-compatibility.md says why each is what it is.
"""
