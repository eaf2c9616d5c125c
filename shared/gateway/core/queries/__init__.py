"""The SQL that is ever sent to an office."""
