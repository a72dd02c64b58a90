"""Figures and widgets: colours that can be told apart, frames that move without a kernel."""

import json
import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from ipywidgets.embed import embed_data
from matplotlib.colors import to_rgb

from lt_course.errors import CourseError
from lt_course.lessons import measuring
from lt_course.plots import bias, style, widgets


@pytest.fixture(autouse=True)
def _no_figure_stays_open():
    plt.close("all")
    with plt.rc_context():
        yield
    plt.close("all")


def draw(slope):
    figure, axes = plt.subplots(figsize=(3, 2))
    axes.plot([0, 1], [0, slope])
    return figure


def luminance(colour):
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_every_method_has_its_own_colour_marker_and_label():
    looks = style.METHODS.values()
    for key in ("color", "marker", "label"):
        assert len({look[key] for look in looks}) == len(looks)
    assert {look["color"] for look in looks} <= set(style.PALETTE)
    assert style.of("sl") == {"color": "#D55E00", "marker": "o", "label": "SL"}


@pytest.mark.parametrize("colour", style.PALETTE)
def test_colours_stand_out_from_the_white_ground(colour):
    assert 1.05 / (luminance(colour) + 0.05) > 2  # against 21 for black


def test_use_sets_a_white_ground_and_a_cycle_of_colours_with_line_styles():
    style.use()
    assert plt.rcParams["figure.facecolor"] == "white"
    cycle = list(plt.rcParams["axes.prop_cycle"])
    assert len({entry["color"] for entry in cycle}) == len(cycle)
    assert len({str(entry["linestyle"]) for entry in cycle}) == len(cycle)


def test_slider_links_frames_in_the_browser():
    widget = widgets.slider_figure(
        draw, [0.5, 1.0, 2.0], "slope", start=1.0, alt=lambda s: f'A line of slope "{s}"'
    )
    states = embed_data(views=[widget])["manager_state"]["state"]
    models = {entry["model_name"]: (key, entry["state"]) for key, entry in states.items()}
    slider, slider_state = models["SelectionSliderModel"]
    stack, stack_state = models["StackModel"]
    link = models["LinkModel"][1]
    assert link["source"] == [f"IPY_MODEL_{slider}", "index"]
    assert link["target"] == [f"IPY_MODEL_{stack}", "selected_index"]
    assert slider_state["index"] == stack_state["selected_index"] == 1
    assert slider_state["_options_labels"] == ("0.5", "1.0", "2.0")
    assert len(stack_state["children"]) == 3
    json.dumps(states)


def test_every_frame_is_a_small_picture_with_alt_text():
    widget = widgets.slider_figure(
        draw, [0.5, 2.0], "slope", start=2.0, alt=lambda s: f'Slope "{s}" & rising'
    )
    frames = [child.value for child in widget.children[1].children]
    assert frames[0] != frames[1]
    for value, frame in zip([0.5, 2.0], frames, strict=True):
        assert f'alt="Slope &quot;{value}&quot; &amp; rising"' in frame
        assert re.search(r'src="data:image/png;base64,[A-Za-z0-9+/=]+"', frame)
        assert len(frame) < 20_000
    assert not plt.get_fignums()


def test_slider_refuses_a_start_that_is_no_value():
    with pytest.raises(CourseError, match="none of the slider's values"):
        widgets.slider_figure(draw, [1, 2], "slope", start=3, alt=str)


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    frequency = np.append(np.geomspace(1000, 1, 19).round(), 0)
    accuracy = np.clip(0.1 * np.log1p(frequency) + rng.normal(0, 0.05, 20), 0, 1)
    return pd.DataFrame(
        {"frequency": frequency, "accuracy": accuracy, "predictions": 20 * accuracy}
    )


def test_scatter_shows_every_class_of_every_method_even_those_without_pictures(table):
    figure = bias.per_class_scatter({"sl": table, "clip-title": table})
    assert len(figure.axes) == 4
    for axes, field in zip(figure.axes, ["accuracy"] * 2 + ["predictions"] * 2, strict=True):
        offsets = axes.collections[0].get_offsets()
        np.testing.assert_allclose(offsets[:, 1], table[field])
        assert axes.get_xscale() == "symlog"
    rho = table.frequency.corr(table.accuracy, method="spearman")
    assert figure.axes[0].get_title(loc="right") == f"S(a) = {rho:.2f}"


def test_plane_tells_the_papers_models_from_ours():
    figure = measuring.plot_plane(
        {"knowledge 0": [(0.0, -0.2), (0.1, 0.4)]},
        {"sl": [(0.6, 0.7), (0.6, 0.8)]},
        {"sl": [(0.5, 0.9)]},
    )
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    paper, ours = lines["paper: SL"], lines["ours: SL"]
    np.testing.assert_allclose(paper.get_xydata(), [(0.6, 0.7), (0.6, 0.8)])
    np.testing.assert_allclose(ours.get_xydata(), [(0.5, 0.9)])
    assert paper.get_markerfacecolor() == "none"
    assert ours.get_markerfacecolor() == style.of("sl")["color"]


def test_pictures_frame_marks_its_own_place_on_the_curve(table):
    curve = pd.DataFrame({"S(a)": [0.1, 0.2, 0.3], "S(p)": [0.2, 0.4, 0.5]}, index=[5, 50, "truth"])
    figure = measuring.plot_test_size(
        50, table.accuracy, table.accuracy, table.frequency + 1, curve
    )
    marked = [line for line in figure.axes[1].get_lines() if line.get_marker() == "o"]
    assert [tuple(line.get_xydata()[0]) for line in marked] == [(50, 0.2), (50, 0.4)]
    assert figure.axes[0].get_title() == "50 test pictures a class"
