"""Who may do what: principals, Cedar policies, and what a reader sees of a port."""
