"""The Long Tail Course: a controlled study of CLIP on long-tailed data, taught and re-done."""

__version__ = "0.1.0"
