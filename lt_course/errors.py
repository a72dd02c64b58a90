"""The one exception that users see: a sentence that names what is wrong and the remedy."""


class CourseError(Exception):
    """Bad input, told in one clear sentence that names the file or field and the remedy."""


class AbsentDataError(CourseError):
    """Nobody has said where the data are, or they were never made."""
