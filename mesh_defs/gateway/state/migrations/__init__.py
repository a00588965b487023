"""How the database of the gateway's state came to its form, step by step."""
