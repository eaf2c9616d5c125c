"""Reminders, recall outreach, payment requests and messages after visits: planned here, sent by whoever claims them."""
