"""What the book's extension makes of tables, pictures and the sidebar."""

import displays
import pytest
from bs4 import BeautifulSoup

FRAME = """<table border="1" class="dataframe"><thead>
<tr style="text-align: right;"><th></th><th>claim</th><th>ours</th></tr>
</thead><tbody>
<tr><th>a</th><td>CLIP predicts rare concepts more often.</td><td>0.12 [0.05, 0.19]</td></tr>
<tr><th>b</th><td>short</td><td>supported</td></tr>
</tbody></table>"""


def test_a_column_with_a_sentence_is_set_as_text() -> None:
    soup = BeautifulSoup(displays.table(FRAME), "html.parser")
    marked = [[c.get_text() for c in row.select(".words")] for row in soup.select("tr")]
    assert marked == [["claim"], ["CLIP predicts rare concepts more often."], ["short"]]


def test_grouped_rows_are_counted_from_the_right() -> None:
    html = (
        "<table><tbody><tr><th rowspan='2'>g</th><th>a</th><td>it is one whole sentence</td></tr>"
        "<tr><th>b</th><td>x</td></tr></tbody></table>"
    )
    soup = BeautifulSoup(displays.table(html), "html.parser")
    assert [c.get_text() for c in soup.select(".words")] == ["it is one whole sentence", "x"]


def test_an_empty_corner_is_no_header() -> None:
    soup = BeautifulSoup(displays.table(FRAME), "html.parser")
    assert all(header.get_text(strip=True) for header in soup.select("th"))
    assert [len(row.find_all(["th", "td"])) for row in soup.select("tr")] == [3, 3, 3]
    blank = '<table><tr><th class="blank level0" >&nbsp;</th><th>a</th></tr></table>'
    assert displays.table(blank) == (
        '<table><tr><td class="blank level0" ></td><th>a</th></tr></table>'
    )


@pytest.mark.parametrize(
    ("html", "made"),
    [
        (
            '<img alt="A" src="../_images/a.png"/>',
            '<a class="picture" href="../_images/a.png"><img alt="A" src="../_images/a.png"/></a>',
        ),
        (
            '<a href="b.html"><img src="_images/a.png"/></a>',
            '<a href="b.html"><img src="_images/a.png"/></a>',
        ),
        ('<img src="data:image/png;base64,x"/>', '<img src="data:image/png;base64,x"/>'),
    ],
)
def test_a_picture_is_a_link_to_itself(html: str, made: str) -> None:
    context = {"body": html}
    displays.finish(None, "page", "page.html", context, None)
    assert context["body"] == made


def test_references_are_items_of_a_list() -> None:
    context = {
        "body": '<div role="list"><div class="citation" role="doc-biblioentry">a</div></div>'
    }
    displays.finish(None, "page", "page.html", context, None)
    assert context["body"].count('role="listitem"') == 1


LINK = '<a class="{}reference internal" href="{}">Title</a>'


@pytest.mark.parametrize(
    ("state", "href", "number"),
    [
        ("", "../notebooks/04_language.html", "04"),
        ("", "13_open_models.html", "13"),
        ("current ", "#", "07"),
        ("", "../book/results.html", None),
        ("", "../book/04.html", None),
    ],
)
def test_a_lesson_bears_its_number_in_the_sidebar(state: str, href: str, number: str) -> None:
    html = displays.numbered(LINK.format(state, href), "notebooks/07_data")
    shown = BeautifulSoup(html, "html.parser").get_text()
    assert shown == (f"{number} Title" if number else "Title")


def test_a_fold_of_the_sidebar_is_named_by_the_page_above_it() -> None:
    plain = '<li><a href="a.html">A</a></li>'
    link = '<a href="b.html"><span>02</span> A "measure"</a>'
    html = f"<ul>{plain}<li>{link}<details open><summary><i></i></summary></details></li></ul>"
    folds = BeautifulSoup(displays.named(html), "html.parser").select("summary")
    assert [fold["aria-label"] for fold in folds] == ['Below 02 A "measure"']
    assert displays.named(plain) == plain


def test_the_fold_of_a_cell_is_named_by_what_stands_on_it() -> None:
    context = {"body": '<summary aria-label="Toggle hidden content"><p>Show the code</p></summary>'}
    displays.finish(None, "page", "page.html", context, None)
    assert context["body"] == "<summary><p>Show the code</p></summary>"


def test_the_fields_of_a_signature_are_no_list_of_terms() -> None:
    field = '<dd><em class="sig-param">{}</em>,</dd>\n'
    terms = "<dl><dt>a</dt><dd>A</dd></dl>"
    html = f"<dt>f(<dl>\n{field.format('a')}{field.format('b=<i>1</i>')}</dl>)</dt>{terms}"
    context = {"body": html}
    displays.finish(None, "page", "page.html", context, None)
    soup = BeautifulSoup(context["body"], "html.parser")
    assert [line.get_text() for line in soup.select(".sig-params > div")] == ["a,", "b=1,"]
    assert len(soup.select("dl")) == 1
