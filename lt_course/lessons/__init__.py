"""One module a lesson: its mathematics, and beside it its figures."""
