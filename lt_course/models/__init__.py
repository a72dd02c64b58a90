"""Image towers, text towers, and heads."""
