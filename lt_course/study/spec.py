"""A run, frozen: everything that decides its result.

What of a `Run` is not at its default hashes to its address in the store. A factor of the study is a
list of runs that differ in one field (and the seed); `differences` is the proof.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from lt_course import scale as scales
from lt_course.data.drawing_style import Style
from lt_course.data.tokenizer import CLIP
from lt_course.errors import CourseError
from lt_course.fields import COUNT, NATURAL, SEED, check
from lt_course.objectives.classify import Classify
from lt_course.objectives.contrast import Contrast
from lt_course.objectives.distill import Distill
from lt_course.study import registry
from lt_course.training.loop import Training

ObjectiveSpec = Classify | Contrast | Distill
OBJECTIVES: dict[str, type[ObjectiveSpec]] = {
    kind.__name__.lower(): kind for kind in (Classify, Contrast, Distill)
}
"""What can be minimised, by the name that a spec's canonical JSON gives it."""


@dataclass(frozen=True)
class Data:
    """Which pictures are trained on, and tested.

    `lt_course.data.class_profiles.draw` explains the fields for drawings, and
    `lt_course.web.datasets.photograph_sets.Selection` those for photographs; a field that means
    nothing for a set is refused (`lt_course.study.dataset`).

    Attributes:
        dataset: ``icontail``; ``icontail-colour``, the same drawings in colour at 64 pixels; or a
            set of photographs (`lt_course.study.registry.DATASETS`).
        concepts: number of evaluated concepts C. Photographs that ImageNet's classes label have
            1,000, or the 100 of ImageNet-100.
        profile: class profile; photographs come in their ``natural`` counts.
        pictures: number of training pictures N; None, with the profile ``natural``, is all.
        permutation: seed of which concept gets which frequency; `run` sets it to the run's seed
            unless it is given.
        fraction: share of every class that is kept; of photographs in shards, of all of them.
        trim: so many of the rarest concepts are cut …
        shots: … to so many pictures each.
        authors: greatest number of author families a concept.
        style: ``all`` drawings, ``line`` or ``solid`` ones (`lt_course.data.drawing_style`).
        others: pictures of concepts outside the evaluated ones …
        other_concepts: … and of how many such concepts; None draws from all.
        threshold: LAIONet: least similarity of a text and its class's definition.
        keep_classes: photographs in shards: give a class that threshold or sample emptied its
            first picture back, as the release does for LAIONet.
        matched: photographs in shards: have no more pictures of a class than this set has
            (Sec. 3.4), a key of `lt_course.web.datasets.photographs.MATCHES`.
        filled: with `matched`: use further shards, in the folder ``NAME-fill``, where a class has
            too few pictures.
        imbalance: CIFAR-100: pictures of the most frequent class over those of the rarest; None
            leaves it balanced.
        tested: ImageNet's classes: be tested on so many of them, the 100 of ImageNet-100, and told
            from these alone, though more are trained on (Fig. 6a); None: on all.
        test_set: what is tested on; None: the set's own test pictures, or ImageNet's validation
            pictures where ImageNet's classes label the set; or ``imagenet-v2``.
    """

    dataset: str = "icontail"
    concepts: int = 60
    profile: str = "laionet"
    pictures: int | None = 4_500
    permutation: int = 0
    fraction: float = 1.0
    trim: int = 0
    shots: int = 0
    authors: int | None = None
    style: Style = "all"
    others: int = 0
    other_concepts: int | None = None
    threshold: float | None = None
    keep_classes: bool = False
    matched: str | None = None
    filled: bool = False
    imbalance: float | None = None
    tested: int | None = None
    test_set: Literal["imagenet-v2"] | None = None

    def __post_init__(self) -> None:
        """Raise a CourseError for a field out of range."""
        check(
            self,
            concepts=COUNT,
            pictures=COUNT,
            permutation=SEED,
            fraction=(0, 1),
            trim=NATURAL,
            shots=NATURAL,
            authors=COUNT,
            others=NATURAL,
            other_concepts=COUNT,
            tested=COUNT,
            threshold=(-1, 1),
            imbalance=(1, 500),
        )


OPEN_WORLD = "open-world"
"""Text weights of the course's own, which are trained first or travel with the package."""


@dataclass(frozen=True)
class Model:
    """Which towers.

    Attributes:
        image_tower: ``small-cnn`` or an open_clip model.
        text_tower: ``small-transformer`` or an open_clip model; None where no text is read. A
            ``language-model`` takes its place.
        text_head: where class vectors come from (Sec. 3.5). ``scratch``: learnt. ``initialised``:
            from the text tower of a CLIP that has been trained before, and learnt on;
            ``frozen``: from there, and kept, its projection included. For a classifier that is
            its prototypes. ``language-model``: a frozen model of language behind a head that is
            learnt.
        text_weights: whose they are, where the head is not from scratch. ``open-world``: those of
            the CLIP that has seen the open world (`open_world_clip`), and of a language model
            MiniLM's embeddings of names, which travel with the package. Otherwise released ones:
            a tag of open_clip's for `text_tower` (``openai``, ``laion400m_e32``, …) or a file with
            such weights; for a classifier without `text_tower` a table of ImageNet's prototypes
            (`lt_course.models.released_heads`); for a language model its name in the package
            transformers (``roberta-base``), or a folder. A path enters the run's address, and not
            what lies there.
        embedding: dimension D of the shared space.
        picture_size: pixels at which an open_clip tower sees a picture.
    """

    image_tower: str = "small-cnn"
    text_tower: str | None = None
    text_head: Literal["scratch", "initialised", "frozen", "language-model"] = "scratch"
    text_weights: str = OPEN_WORLD
    embedding: int = 128
    picture_size: int = 32

    def __post_init__(self) -> None:
        """Raise a CourseError for a field out of range."""
        check(self, embedding=COUNT, picture_size=COUNT)

    @property
    def taught(self) -> bool:
        """Whether the head comes from `open_world_clip`, which has to be trained first."""
        return self.text_head in ("initialised", "frozen") and self.text_weights == OPEN_WORLD

    @property
    def numbers_names(self) -> bool:
        """Whether a caption is the number of a concept in the shipped table of names."""
        return self.text_head == "language-model" and self.text_weights == OPEN_WORLD

    @property
    def tokenizer(self) -> str:
        """How captions become tokens (`lt_course.data.tokenizer.tokenizer`)."""
        of_its_own = self.text_head == "language-model" and not self.numbers_names
        return self.text_weights if of_its_own else CLIP


@dataclass(frozen=True)
class Run:
    """One training with its evaluation.

    Attributes:
        name: what to call it; it does not enter the address.
        scale: the scale that its defaults come from.
        seed: of initialisation, order, augmentation, captions and vocabularies.
        data: which pictures.
        model: which towers.
        objective: what is minimised.
        training: how.
    """

    name: str = field(compare=False)
    scale: scales.ScaleName = "tiny"
    seed: int = 0
    data: Data = Data()
    model: Model = Model()
    objective: ObjectiveSpec = Classify()
    training: Training = Training()

    def __post_init__(self) -> None:
        """Raise a CourseError for a field out of range."""
        check(self, seed=SEED)

    @property
    def address(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of the fields that are not at their default.

        So a field that a later version adds moves no address, as long as its default is what
        was done before.
        """
        told: dict[str, Any] = {"kind": self._kind, "scale": self.scale, "seed": self.seed}
        for part in ("data", "model", "objective", "training"):
            spec = getattr(self, part)
            set_otherwise = (f.name for f in fields(spec) if getattr(spec, f.name) != f.default)
            told[part] = {name: getattr(spec, name) for name in set_otherwise}
        return hashlib.sha256(_canonical(told).encode()).hexdigest()[:16]

    def json(self) -> str:
        """Canonical JSON of all fields but the name: keys sorted, no blanks."""
        plain = dataclasses.asdict(self)
        del plain["name"]
        plain["objective"]["kind"] = self._kind
        return _canonical(plain)

    @property
    def _kind(self) -> str:
        return type(self.objective).__name__.lower()


def _canonical(plain: dict[str, Any]) -> str:
    return json.dumps(plain, sort_keys=True, separators=(",", ":"))


NAMED: dict[str, tuple[str, ObjectiveSpec]] = {
    "sl": ("supervised learning, all classes in every softmax", Classify()),
    "sl-vocab": ("supervised learning over sampled vocabularies", Classify(vocabulary=32)),
    "clip-template": ("CLIP on class templates", Contrast("template")),
    "clip-title": ("CLIP on the titles that authors gave", Contrast("title")),
    "clip-full": ("CLIP on all that authors wrote: titles and tags", Contrast("title+tags")),
    "dino": ("DINO: self-distillation, without labels or text", Distill()),
}
"""The declared runs: name -> what it is, and its objective. All else is the same for all."""


def run(name: str, *, scale: str | None = None, seed: int = 0, **settings: Any) -> Run:
    """A declared run, with some of its fields set otherwise.

    Args:
        name: one of `NAMED`, or of `lt_course.study.registry.RECIPES`.
        scale: tiny, cpu, gpu or full; default: what ``LT_SCALE`` says. A recipe has its own.
        seed: of the run, and of the permutation of frequencies unless that is set.
        **settings: fields of Data, Model, Training or the objective, by their own names.

    Raises:
        CourseError: if a name is unknown; the sentence names the nearest. If a recipe is asked for
            at another scale.
    """
    if name not in NAMED:
        return _recipe(name, scale, seed, settings)
    chosen = scales.current() if scale is None else scales.named(scale)
    objective = NAMED[name][1]
    reads_text = isinstance(objective, Contrast)
    declared = Run(
        name,
        chosen.name,
        0,
        Data(
            chosen.dataset,
            chosen.concepts,
            "laionet" if chosen.dataset == "icontail" else "natural",
            chosen.pictures,
        ),
        Model(
            chosen.towers.image,
            chosen.towers.text if reads_text else None,
            embedding=chosen.towers.embedding,
            picture_size=chosen.towers.picture_size,
        ),
        objective,
        Training(duration=f"{chosen.epochs} epochs", batch=chosen.batch),
    )
    distilled = chosen.distillation if isinstance(objective, Distill) else {}
    return override(declared, **({"seed": seed, "permutation": seed} | {**distilled} | settings))


def _recipe(name: str, scale: str | None, seed: int, settings: dict[str, Any]) -> Run:
    """As `run`, of a run that an extension declares whole."""
    recipe: Run | None = registry.find(registry.RECIPES, name)
    if recipe is None:
        raise CourseError(unknown("run", name, [*NAMED, *registry.RECIPES]))
    if scale not in (None, recipe.scale):
        raise CourseError(
            f"The run {name!r} is declared at scale {recipe.scale!r} alone; leave 'scale' out."
        )
    permutation = {"permutation": seed} if recipe.data.dataset == "cifar100" else {}
    return override(recipe, **({"seed": seed} | permutation | settings))


def open_world_clip(student: Run) -> Run:
    """The CLIP that a run's ``initialised`` or ``frozen`` text head comes from.

    One for all runs of a scale: natural counts, concepts beyond the evaluated ones, templates as
    well as what authors wrote.
    """
    seen = scales.named(student.scale).open_world
    return replace(
        override(
            run("clip-full", scale=student.scale, seed=0),
            text="template|title+tags",
            concepts=student.data.concepts,
            profile="natural",
            pictures=None,
            others=seen.others,
            duration=f"{seen.epochs} epochs",
            embedding=student.model.embedding,
        ),
        name="clip-open-world",
    )


def override(run: Run, **settings: Any) -> Run:
    """The run with some fields set otherwise, wherever in it they stand.

    Raises:
        CourseError: if no part of the run has such a field.
    """
    places = field_places(run)
    for name, value in settings.items():
        if name not in places:
            raise CourseError(unknown(f"field of {run.name}", name, places))
        part = places[name]
        if part is None:
            run = replace(run, **{name: value})
        else:
            run = replace(run, **{part: replace(getattr(run, part), **{name: value})})
    return run


def field_places(run: Run) -> dict[str, str | None]:
    """Every field's name -> the part of the run that has it (None: the run itself)."""
    parts = ("data", "model", "objective", "training")
    inner: dict[str, str | None] = {f.name: p for p in parts for f in fields(getattr(run, p))}
    return inner | {"seed": None}


def differences(runs: Iterable[Run]) -> set[str]:
    """Names of the fields in which runs differ, the seed and its permutation aside.

    Fields of different objectives count as the one field ``objective``.
    """
    runs = list(runs)
    if not runs:
        return set()
    if len({type(r.objective) for r in runs}) > 1:
        # What is read as text goes with the objective.
        rest = [
            replace(r, objective=runs[0].objective, model=replace(r.model, text_tower=None))
            for r in runs
        ]
        return {"objective"} | differences(rest)
    places = {name: part for name, part in field_places(runs[0]).items() if part is not None}
    del places["permutation"]
    return {
        name
        for name, part in places.items()
        if len({getattr(getattr(r, part), name) for r in runs}) > 1
    }


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """The sentence for a name that does not exist, with the nearest ones that do."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if near:
        return f"There is no {what} {name!r}; the nearest are {', '.join(near)}."
    return f"There is no {what} {name!r}; there are {', '.join(sorted(known))}."
