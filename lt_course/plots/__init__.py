"""Figures that several lessons share, and the data of a figure as a table."""

import re
from html import escape

import pandas as pd
from IPython.display import HTML


def data_table(frame: pd.DataFrame, caption: str) -> HTML:
    """What a figure was drawn from, folded: for those who do not see it, or want its numbers.

    `caption` says in a sentence what stands in the table. Each header names a row or a column;
    numbers are written as pandas is set to.
    """
    html = frame.to_html(border=0, index_names=False, sparsify=False, na_rep="–")
    top, rows = (
        re.sub(r"<th\b(?=[^>]*>[^<])", f'<th scope="{scope}"', part)  # the corner heads nothing
        for scope, part in zip(("col", "row"), html.split("<tbody>"), strict=True)
    )
    top = top.replace("<thead>", f"<caption>{escape(caption)}</caption>\n<thead>")
    title = "<summary>The data of this figure</summary>"
    return HTML(f"<details>{title}\n{top}<tbody>{rows}\n</details>")
