"""Copies of what the API shows, for warehouses: runs, what is in them, and how they become visible."""
