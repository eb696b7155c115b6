"""Shells around the outside world, one system each."""
