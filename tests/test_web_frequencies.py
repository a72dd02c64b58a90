"""The web's concept counts: parsing, alignment, the three sources, and the paper's Fig. 13."""

import hashlib
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pooch
import pytest
import requests

from lt_course.counting import web_frequencies
from lt_course.errors import CourseError
from lt_course.plots import drawings, frequencies
from lt_course.release import COMMIT, MIRROR_VARIABLE
from tools.icontail_build import build_web_summary

MIRROR = os.environ.get(MIRROR_VARIABLE)
needs_mirror = pytest.mark.skipif(not MIRROR, reason="LT_COURSE_MIRROR is not set")


@pytest.fixture
def no_mirror(monkeypatch):
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)


@pytest.fixture
def tiny_mirror(tmp_path, monkeypatch):
    """A mirror with every file that the registry names, each with the same few classes."""
    rng = np.random.default_rng(0)
    classes = ["crane bird", "construction crane", "tench", "T-shirt", "sea lion"]
    folder = tmp_path / "mirror" / "freqs"
    folder.mkdir(parents=True)
    lines = []
    for name, _ in web_frequencies._registry():
        counts = dict(zip(classes, rng.integers(1, 1000, len(classes)), strict=True))
        if not name.removesuffix(".txt").endswith("_ori"):
            counts = dict(sorted(counts.items(), key=lambda item: -item[1]))
        text = "".join(f"{key}\t{count}\n" for key, count in counts.items())
        (folder / name).write_text(text, encoding="utf-8")
        lines.append(f"{name} {hashlib.sha256(text.encode()).hexdigest()}")
    registry = tmp_path / "registry.txt"
    registry.write_text("# a comment\n" + "\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.setattr(web_frequencies, "_REGISTRY", registry)
    monkeypatch.setenv(MIRROR_VARIABLE, str(folder.parent))
    return folder.parent


def counts_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "class_frequency_made_up.txt"
    path.write_text(text, encoding="utf-8")
    return path


# Parsing


@pytest.mark.parametrize("end", ["\n", ""])
def test_a_count_file_is_read_in_its_own_order(tmp_path, end):
    path = counts_file(tmp_path, f"tench\t3\nram (adult male sheep)\t0\nCrock Pot\t61488{end}")
    counts = web_frequencies.read_counts(path)
    assert counts.to_dict() == {"tench": 3, "ram (adult male sheep)": 0, "Crock Pot": 61488}
    assert counts.name == "made_up"
    assert counts.dtype == "int64"


def test_counts_beyond_32_bits_and_windows_line_ends_are_read(tmp_path):
    path = tmp_path / "class_frequency_made_up.txt"
    path.write_bytes(b"website\t36561307000\r\nharp\t1\r\n")
    assert web_frequencies.read_counts(path).to_list() == [36561307000, 1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tench\t3\ngoldfish 4\n", "line 2"),
        ("tench\t3\ngoldfish\t-4\n", "line 2"),
        ("tench\t3\ngoldfish\t4.0\n", "line 2"),
        ("tench\t3\ngoldfish\t4\t5\n", "line 2"),
        ("tench\t\n", "line 1"),
        ("\t7\n", "line 1"),
        ("tench\t٣\n", "line 1"),
        ("tench\t3\n\ngoldfish\t4\n", "line 2"),
        ("tench\t3\ntench\t4\n", "line 2: 'tench' comes twice"),
        ("", "holds no class"),
    ],
)
def test_a_bad_line_is_told_with_file_line_and_remedy(tmp_path, text, said):
    with pytest.raises(CourseError, match=said) as caught:
        web_frequencies.read_counts(counts_file(tmp_path, text))
    assert "class_frequency_made_up.txt" in str(caught.value)
    assert "restore the file from https://" in str(caught.value)


def test_a_file_that_is_not_text_is_refused(tmp_path):
    path = tmp_path / "class_frequency_made_up.txt"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(CourseError, match="not UTF-8"):
        web_frequencies.read_counts(path)


# Alignment


def series(**counts: int) -> pd.Series:
    return pd.Series(counts, dtype="int64")


def test_sorted_files_are_joined_by_name():
    table = web_frequencies.align(
        {"a_pets": series(pug=9, boxer=5, beagle=1), "b_pets": series(beagle=8, pug=7, boxer=6)}
    )
    assert table.loc["pug"].to_list() == [9, 7]
    assert table["b_pets"].to_list() == [7, 6, 8]
    assert (table.dtypes == "int64").all()


def test_files_in_dataset_order_must_agree_line_by_line():
    ordered = {"a_ori": series(pug=9, boxer=5), "b_ori": series(boxer=6, pug=7)}
    with pytest.raises(CourseError, match="dataset order"):
        web_frequencies.align(ordered)
    ordered["b_ori"] = series(pug=7, boxer=6)
    assert web_frequencies.align(ordered).to_numpy().tolist() == [[9, 7], [5, 6]]


def test_files_of_different_concept_sets_are_not_joined():
    with pytest.raises(CourseError, match="do not count the same classes"):
        web_frequencies.align({"a_pets": series(pug=9), "a_dtd": series(striped=5)})


# Sources


def test_a_mirror_is_read_and_named(tiny_mirror):
    web = web_frequencies.load()
    assert (web.source, web.complete) == ("mirror", True)
    assert "LT_COURSE_MIRROR" in web.note
    assert str(tiny_mirror) not in web.note
    assert len(web.summary) == len(web.files) == 97
    assert list(web.concept_set("pets").columns) == list(web_frequencies.PRETRAINING_SETS.values())


def test_a_mirror_without_freqs_is_an_error_not_a_fallback(tmp_path, monkeypatch):
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path))
    with pytest.raises(CourseError, match="without a folder 'freqs'"):
        web_frequencies.load()


def test_a_mirror_that_lacks_a_file_is_an_error(tiny_mirror):
    (tiny_mirror / "freqs" / "class_frequency_laion2b_dtd.txt").unlink()
    with pytest.raises(CourseError, match="lacks freqs/class_frequency_laion2b_dtd"):
        web_frequencies.load()


def test_a_changed_file_is_an_error(tiny_mirror):
    path = tiny_mirror / "freqs" / "class_frequency_laion2b_dtd.txt"
    path.write_text(path.read_text().replace("tench", "Tench"), encoding="utf-8")
    with pytest.raises(CourseError, match=r"laion2b_dtd\.txt is not the file that was released"):
        web_frequencies.load()


class Release:
    """Stands in for pooch's downloader and serves files from a folder."""

    def __init__(self, folder: Path):
        self.folder, self.asked = folder, []

    def __call__(self, **_options):
        return self.serve

    def serve(self, url: str, output: str, keeper: pooch.Pooch, **_options) -> None:
        assert url.startswith(web_frequencies.URL)
        self.asked.append(url)
        Path(output).write_bytes((self.folder / url.rsplit("/", 1)[1]).read_bytes())


@pytest.fixture
def release(tiny_mirror, tmp_path, monkeypatch, no_mirror):
    release = Release(tiny_mirror / "freqs")
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache" / name)
    monkeypatch.setattr(pooch, "HTTPDownloader", release)
    return release


def test_the_download_is_kept_and_equals_the_mirror(tiny_mirror, release, monkeypatch):
    web = web_frequencies.load()
    assert web.source == "download"
    assert COMMIT[:7] in web.note
    assert len(release.asked) == 97
    again = web_frequencies.load()
    assert len(release.asked) == 97, "the second time the files come from the cache"
    monkeypatch.setenv(MIRROR_VARIABLE, str(tiny_mirror))
    pd.testing.assert_frame_equal(web_frequencies.load().summary, again.summary)


def test_a_damaged_download_is_an_error_not_a_fallback(tiny_mirror, release):
    (tiny_mirror / "freqs" / "class_frequency_laion2b_dtd.txt").write_text("striped\t1\n")
    with pytest.raises(CourseError, match=r"laion2b_dtd\.txt is not the file that was released"):
        web_frequencies.load()


def test_without_mirror_and_network_the_summary_says_so(release, monkeypatch):
    def unreachable(*_arguments, **_options):
        raise requests.exceptions.ConnectionError("no route to host")

    monkeypatch.setattr(release, "serve", unreachable)
    web = web_frequencies.load()
    assert (web.source, web.complete) == ("summary", False)
    assert "The course's summary of the counts" in web.note
    assert "ConnectionError" in web.note
    assert len(web.summary) == 97
    assert set(web.files) == set(web_frequencies.PACKED)
    with pytest.raises(CourseError, match="not at hand, only their summary"):
        web.counts("laion400m_cub")
    with pytest.raises(CourseError, match="The summary can only be built from the full files"):
        build_web_summary.build()


def test_no_network_is_asked_when_downloading_is_off(release):
    assert web_frequencies.load(download=False).source == "summary"
    assert release.asked == []


def test_unknown_names_are_refused(no_mirror):
    web = web_frequencies.load(download=False)
    with pytest.raises(CourseError, match="no count file 'laion5b'"):
        web.counts("laion5b")
    with pytest.raises(CourseError, match="Unknown concept set 'cars'"):
        web.concept_set("cars")


# Statistics


def test_statistics_of_a_flat_and_of_a_single_class():
    flat = pd.Series(np.full(50, 7), index=[f"c{i}" for i in range(50)])
    lone = pd.Series([8, 0, 0, 0], index=list("abcd"))
    summary = web_frequencies.summarise({"flat": flat, "lone": lone})
    assert summary.loc["flat", "gini"] == pytest.approx(0)
    assert summary.loc["flat", "effective_classes"] == pytest.approx(50)
    assert summary.loc["flat", "top10_share"] == pytest.approx(0.2)
    assert summary.loc["lone", "gini"] == pytest.approx(1 - 1 / 4)
    assert summary.loc["lone", "effective_classes"] == pytest.approx(1)
    assert summary.loc["lone", ["smallest", "zeros", "below_10"]].to_list() == [8, 3, 4]
    assert summary.loc["flat", ["rank_1", "rank_50"]].to_list() == [7, 7]
    assert np.isnan(summary.loc["flat", "rank_100"])


def test_the_committed_tables_name_every_file_and_pair(no_mirror):
    web = web_frequencies.load(download=False)
    registry = web_frequencies._registry()
    assert set(web.summary.index) == {web_frequencies._short(name) for name, _ in registry}
    in_figure = web.correlations[
        web.correlations[["first", "second"]]
        .isin(list(web_frequencies.PRETRAINING_SETS))
        .all(axis=1)
    ]
    assert in_figure.groupby("concept_set").size().to_dict() == dict.fromkeys(
        web_frequencies.CONCEPT_SETS, 15
    )


@needs_mirror
def test_the_committed_tables_equal_a_rebuild(tmp_path):
    for rebuilt in build_web_summary.build(tmp_path):
        committed = web_frequencies.RESOURCES / rebuilt.name
        pd.testing.assert_frame_equal(
            pd.read_csv(rebuilt), pd.read_csv(committed), rtol=0, atol=2e-6
        )


def test_the_bins_give_the_correlations_of_the_counts(no_mirror):
    web = web_frequencies.load(download=False)
    bins = web.concept_set("imagenet").corr("spearman")
    titles = web_frequencies.PRETRAINING_SETS
    counted = web.correlations.query("concept_set == 'imagenet'")
    pairs = counted[counted["first"].isin(titles) & counted["second"].isin(titles)]
    assert len(pairs) == 15
    for pair in pairs.itertuples():
        given = bins.loc[titles[pair.first], titles[pair.second]]
        assert abs(given - pair.spearman) < 0.003, pair
    ranks = web.concept_set("imagenet")
    assert ranks.shape == (1000, 6)
    assert ranks.loc["T-shirt", "LAION-400M"] == ranks["LAION-400M"].max()


def test_a_bin_is_within_a_tenth_of_its_counts():
    counts = pd.Series([0, 1, 2, 3, 10, 999, 123_456])
    bins = build_web_summary.binned(counts)
    assert bins[0] == 0
    assert bins[1] == 1
    np.testing.assert_allclose(bins[4:], counts[4:], rtol=0.1)
    assert (build_web_summary.binned(pd.Series([100, 101])).nunique()) == 1


@needs_mirror
def test_every_printed_correlation_of_figure_13_is_reproduced():
    printed = pd.read_csv(
        Path(MIRROR) / "numbers" / "fig13_dataset_frequency_spearman.csv", comment="#"
    )
    web = web_frequencies.load()
    assert len(printed) == 120
    for row in printed.itertuples():
        names = [
            web_frequencies._file(name, row.concept_set) for name in (row.dataset_a, row.dataset_b)
        ]
        ours = web.table(names).corr(method="spearman").iloc[0, 1]
        recorded = web.correlations.query(
            "concept_set == @row.concept_set and first == @row.dataset_b "
            "and second == @row.dataset_a"
        )["spearman"].item()
        assert abs(ours - row.paper_value) <= 0.005
        assert ours == pytest.approx(recorded, abs=1e-9)


@needs_mirror
def test_dataset_order_and_sorted_files_hold_the_same_counts():
    web = web_frequencies.load()
    pairs = [name for name in web.files if f"{name}_ori" in web.files]
    assert len(pairs) >= 20
    for name in pairs:
        ordered = web.files[f"{name}_ori"]
        assert ordered.sort_index().equals(web.files[name].sort_index().rename(ordered.name))


# Figures, in every situation


@pytest.fixture(params=["files", "summary"])
def any_web(request, tiny_mirror, monkeypatch):
    if request.param == "files":
        return web_frequencies.load()
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)
    return web_frequencies.load(download=False)


def test_figures_are_drawn_in_every_situation_and_say_so(any_web):
    _, ax = plt.subplots()
    files = {"laion400m_imagenet_ori": "LAION-400M", "laion2b_imagenet_ori": "LAION-2B"}
    frequencies.rank_curves(any_web, files, ax, divide=True, more={"ours": np.array([0, 1, 3])})
    assert [line.get_label() for line in ax.lines] == [*files.values(), "ours"]
    assert ax.lines[-1].get_ydata() == pytest.approx([0.75, 0.25])
    assert ax.get_title(loc="right") == ""
    _, few = plt.subplots()
    frequencies.rank_curves(any_web, {"laionet_thresh0.8_ori": "similarity > 0.8"}, few)
    assert ("summary table" in few.get_title(loc="right")) is not any_web.complete
    for figure in (
        frequencies.shared_ranking(any_web, width=3),
        frequencies.shared_ranking(any_web, width=0),
        frequencies.agreement(any_web),
        frequencies.three_correlations(any_web),
    ):
        figure.canvas.draw()
    plt.close("all")


def test_a_heat_map_writes_all_fifteen_correlations(no_mirror):
    figure = frequencies.agreement(web_frequencies.load(download=False))
    for panel in figure.axes:
        assert len(panel.texts) == 15
    plt.close(figure)


def test_the_table_is_the_same_from_build_to_build(no_mirror):
    web = web_frequencies.load(download=False)
    files = {"incaps_imagenet_ori": "IN-Caps", "laionet_thresh0.7_ori": "LAIONet"}
    first, second = (
        frequencies.summary_table(web, files, ["total", "gini", "ratio"]).data for _ in range(2)
    )
    assert first == second
    assert "448,896" in frequencies.summary_table(web, files, ["total"]).data
    for shown in ("IN-Caps", "448,896", "0.22", "0.79", "137", "163,388"):
        assert shown in first


def test_drawings_have_their_titles():
    pictures = np.zeros((3, 32, 32), dtype=np.uint8)
    figure = drawings.grid(pictures, ["ram", "crane", "a very long title indeed"])
    titles = [ax.get_title() for ax in figure.axes if ax.get_title()]
    assert titles == ["ram", "crane", "a very long tit…"]
    plt.close(figure)
