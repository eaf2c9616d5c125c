"""Rows of Open Dental as typed Python, one module for each resource or small family; see `base` for what they share."""
