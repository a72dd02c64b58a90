"""The Long Tail Course: a controlled study of CLIP on long-tailed data, taught and re-done."""

from pathlib import Path

# A file of its own, for a release must not change the hash that stored runs bear.
__version__ = Path(__file__).with_name("VERSION").read_text().strip()
