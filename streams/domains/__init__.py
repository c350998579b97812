"""Domains: one package per domain, each of the same structure, which defines ``SPEC``."""
