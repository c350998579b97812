"""Definitions that all packages share: domains, events, codecs, clocks and settings.

Everything in this package is pure. It imports no Kafka client, no Faust and no Flask, so
that the same definitions serve the producers, the consumers, the model service and a test
that starts nothing at all.
"""
