"""The airline's own systems, outside the mesh: where source-aligned products get their data."""
