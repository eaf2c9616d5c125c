"""Rows of Open Dental as typed Python, one module a resource; see `base` for what they share."""
