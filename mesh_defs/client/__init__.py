"""Reading a mesh from elsewhere, through its gateway: ``mesh.connect``."""
