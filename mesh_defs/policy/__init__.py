"""Rules of the mesh and of its domains, as code: what they find, where they are in force, what
deviates from them until when."""
