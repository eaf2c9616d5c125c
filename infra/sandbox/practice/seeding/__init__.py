"""Rows of a believable practice."""
