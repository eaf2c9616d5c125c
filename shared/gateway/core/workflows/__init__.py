"""Runs of state machines that compose what the API can do; see the README beside this."""
