"""The exchange of a practice's customer key for a new one, without a failed call."""
