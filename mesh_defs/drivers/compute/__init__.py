"""Compute drivers: they turn inputs into staged Parquet."""
