"""Where the authors' release lies, and where copies of its files are looked for.

Class frequencies, names, prototypes and lists of classes come from the repository of the paper
that this course re-does (Wen et al., NeurIPS 2024, arXiv 2405.21070), at a pinned commit, or from
a folder with the same files.
"""

MIRROR_VARIABLE = "LT_COURSE_MIRROR"
"""The environment variable that names a folder with the release's files."""

REPOSITORY = "CVMI-Lab/clip-beyond-tail"
COMMIT = "c8fc64cc469c82b5440b76b371874b44526be399"
METADATA = f"https://raw.githubusercontent.com/{REPOSITORY}/{COMMIT}/metadata/"
