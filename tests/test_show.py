"""Figures and widgets: colours that can be told apart, frames that move without a kernel."""

import json
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from ipywidgets.embed import embed_data
from matplotlib.colors import to_rgb

from lt_course.errors import CourseError
from lt_course.show import style, widgets


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
    assert set(style.COLOURS) == set(style.MARKERS) == set(style.LABELS)
    for mapping in (style.COLOURS, style.MARKERS, style.LABELS):
        assert len(set(mapping.values())) == len(mapping)
    assert set(style.COLOURS.values()) <= set(style.PALETTE)
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
