"""Rules against data: what each kind means in SQL, and the cheapest way to decide it."""
