"""Runs a stack: starts its processes in order, watches them, keeps what they say, stops them."""
