"""Onboarding a practice: from two keys to a mirror that is complete; see the README beside this."""
