"""Arrow Flight SQL: products as catalogs, schemas and tables for the tools that speak it."""
