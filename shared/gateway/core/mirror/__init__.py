"""The mirror: copies of every practice's rows that are never silently wrong. See README.md of this folder."""
