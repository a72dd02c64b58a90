"""Which crops of a picture are compared, whoever compares them."""

from __future__ import annotations

from dataclasses import dataclass

from lt_course.errors import CourseError
from lt_course.fields import COUNT, NATURAL, check

AREA = (0.01, 1.0)


@dataclass(frozen=True)
class Crops:
    """Numbers, sizes and areas of the crops of a picture (`lt_course.data.multi_crop`).

    Sizes are Caron et al.'s (arXiv 2104.14294; 224 and 96 pixels) in proportion to drawings of 32
    pixels, in multiples of 16 for the small tower.

    Attributes:
        global_crops: number G of crops that teacher and student see.
        global_size: their height and width in pixels.
        global_least: their least area, as a share of the picture.
        global_greatest: their greatest.
        local_crops: number L of crops that the student alone sees; Caron et al. compare 2 to 10
            (Sec. 5.4).
        local_size: as above.
        local_least: as above.
        local_greatest: as above.
        aspect: greatest ratio of a crop's sides, torchvision's default.
        photometric: mirror, jitter the colors of, blur and solarise crops of photographs as Caron
            et al. do (`lt_course.data.photometric`).
        redrawn: share of crops drawn with another pen (`lt_course.data.multi_crop.redrawn`), the
            course's own in the place of jitter and blur; 0 draws all as they are.
    """

    global_crops: int = 2
    global_size: int = 32
    global_least: float = 0.14
    global_greatest: float = 1.0
    local_crops: int = 8
    local_size: int = 16
    local_least: float = 0.05
    local_greatest: float = 0.14
    aspect: float = 4 / 3
    photometric: bool = False
    redrawn: float = 0.0

    def __post_init__(self) -> None:
        """Raise a CourseError for a field out of range, or for two that contradict each other."""
        check(
            self,
            global_crops=COUNT,
            global_size=COUNT,
            global_least=AREA,
            global_greatest=AREA,
            local_crops=NATURAL,
            local_size=COUNT,
            local_least=AREA,
            local_greatest=AREA,
            aspect=(1, 10),
            redrawn=(0, 1),
        )
        if self.global_crops + self.local_crops < 2:
            raise CourseError(
                "Field 'global_crops' is 1 and 'local_crops' is 0, which leaves no other crop to "
                "predict a target from; raise one of them."
            )
        for which in ("global", "local"):
            least, greatest = getattr(self, f"{which}_least"), getattr(self, f"{which}_greatest")
            if least > greatest:
                raise CourseError(
                    f"Field '{which}_least' is {least}, more than the {greatest} of field "
                    f"'{which}_greatest'; swap them."
                )

    @property
    def native_sizes(self) -> tuple[int, ...]:
        """The size of local crops, if towers can see it: most have strides of 32 pixels."""
        return (self.local_size,) if self.local_crops and self.local_size % 32 == 0 else ()
