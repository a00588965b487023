"""``python -m mesh_defs.cli`` is the command ``mesh``."""

from mesh_defs.cli.main import run

run()
