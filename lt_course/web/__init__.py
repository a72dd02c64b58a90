"""Photographs in shards, released weights, clusters and the command: what lessons do not need.

Nobody imports this package but the command; `register` adds to `lt_course.study.registry` what runs
can name of it.
"""


def register() -> None:
    """Add data sets, recipes and released text heads."""
    # Not above, so that help is quick, and processes that count captions need no torch.
    from lt_course.study import registry
    from lt_course.web import cpu_time, paper_recipes
    from lt_course.web.datasets import cifar100, photographs
    from lt_course.web.released import released_text

    registry.dataset("cifar100")(cifar100.Thumbnails)
    registry.dataset(*photographs.SHARDS)(photographs.Photographs)
    registry.RECIPES.update({name: each.run for name, each in paper_recipes.RECIPES.items()})
    registry.TEXT_HEADS.append(released_text)
    registry.BEFORE_TRAINING.append(cpu_time.announce)
