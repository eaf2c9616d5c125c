"""A simulated dental practice that answers like Open Dental's API, over rows in database form."""
