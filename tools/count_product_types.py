"""Count the types of fashion products in the products' titles, beside what the shop says they are.

    LT_COURSE_DATA=... python -m tools.count_product_types

Numbers and names of types are written, and no title.
"""

from __future__ import annotations

import pandas as pd

from lt_course.counting.concept_lists import Concept
from lt_course.counting.web_frequencies import RESOURCES
from lt_course.data.photographs import fashion_products
from lt_course.lessons.counting import Counted

FILE = RESOURCES / "product_types.csv"

SYNONYMS = {
    "Tshirts": ("t-shirt",),
    "Sarees": ("sari",),
    "Perfume and Body Mist": ("perfume", "body mist", "eau de toilette"),
    "Deodorant": ("deo",),
}
VETO = {"Shirts": ("t",)}
"""What somebody adds to the shop's own names who has looked at the mistakes."""


def count() -> pd.DataFrame:
    """All types, once by the shop's names and once by the mended ones.

    Returns:
        `names` (shop or mended), `type`, `products` of the type, `counted` titles that name it by
        the rule bag-of-lemmas, and how many of these are `right`.
    """
    found = fashion_products.find()
    types = found.texts["types"]
    titles = [row["productDisplayName"] for row in found.texts["rows"]]
    tables = []
    for names, synonyms, veto in (("shop", {}, {}), ("mended", SYNONYMS, VETO)):
        concepts = [Concept(t, (t, *synonyms.get(t, ())), veto.get(t, ())) for t in types]
        table = Counted.of(titles, found.labels, concepts).per_class().reset_index(names="type")
        table = table.rename(columns={"labels": "products"})
        table.insert(0, "names", names)
        tables.append(table[["names", "type", "products", "counted", "right"]])
    return pd.concat(tables, ignore_index=True)


if __name__ == "__main__":
    count().to_csv(FILE, index=False)
