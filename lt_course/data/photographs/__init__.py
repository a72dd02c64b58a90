"""Photographs that fit into memory: sets of a few tens of thousands, read where they lie.

None of them is part of the course. `photograph_set` says what a set has; each other module reads
one set in the layouts that it is published in, and `cache` keeps what was read.
"""
