"""What does not add up in a practice's money, by its own rows: see the README."""
