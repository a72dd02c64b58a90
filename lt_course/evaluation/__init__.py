"""What is measured: bias, intervals, zero-shot classification."""
