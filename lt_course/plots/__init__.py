"""Figures that several lessons share."""
