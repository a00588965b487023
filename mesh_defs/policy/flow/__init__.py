"""Following the data: how values flow from column to column, and what must follow them."""
