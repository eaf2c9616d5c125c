"""Free times: the calendar of some days, the search in it, and the holds on it."""
