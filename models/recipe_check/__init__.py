"""Recipes against a reference: trained on a fixed world, judged on its later part, compared."""
