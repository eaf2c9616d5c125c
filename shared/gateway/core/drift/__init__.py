"""What may be done at a practice, found out again and again: see README.md."""
