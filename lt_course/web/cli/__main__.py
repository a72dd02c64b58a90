"""``python -m lt_course.web.cli``, which torchrun starts."""

import sys

from lt_course.web.cli import main

if __name__ == "__main__":
    sys.exit(main())
