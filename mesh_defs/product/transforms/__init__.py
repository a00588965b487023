"""How outputs are made: SQL, Python and dbt, each from named inputs to one query per port."""
