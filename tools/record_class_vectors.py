"""Record what lesson 10 says of OpenAI's class vectors, for pages that are built without them.

    LT_COURSE_MIRROR=... python -m tools.record_class_vectors

No vector and nothing of a single class is written: correlations over classes, and means of tenths.
"""

from __future__ import annotations

from lt_course.errors import CourseError
from lt_course.lessons.class_vectors import HEAD, RECORD, measure, released


def main() -> None:
    """Write the table.

    Raises:
        CourseError: if the vectors are not at hand.
    """
    head = released()
    if head is None:
        raise CourseError(f"{HEAD} is not at hand; set LT_COURSE_MIRROR to a folder that holds it.")
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    measure(head).to_csv(RECORD, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
