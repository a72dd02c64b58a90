"""What is measured: bias, its intervals, zero-shot classification, neural collapse, transfer."""
