"""Waiting for the last blocker of an audit to fall: who does, and the message that tells."""
