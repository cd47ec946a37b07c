"""A stand-in of GitHub on the loopback interface: its API for ftbot, its pages for people."""

from bot.sandbox.github.server import StandIn, serve_github

__all__ = ["StandIn", "serve_github"]
