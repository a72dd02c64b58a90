"""Checks for the exercises."""
