"""Weights that others have trained."""
