# ---
# jupyter:
#   course: {question: "The gap, on equal terms", figure: "Fig. 1b, 11", scale: tiny, minutes: 3, memory_gb: 1.3}
# ---

# %% [markdown]
# # CLIP against supervised learning
#
# **Claim: with pictures, image tower, steps and optimiser held equal, supervised learning follows class frequency more closely than CLIP on templates, and that more closely than CLIP on titles; the gaps hold over seeds and permutations of the frequencies, and are wider in S(p) than in S(a).**
#
# After this lesson you can
#
# - say what must be equal for a fair comparison, and prove that it is;
# - write the losses of both methods side by side, and name what sets them apart;
# - measure a gap with paired seeds and give its interval;
# - tell frequency from difficulty by permuting frequencies;
# - explain why prompts must sound like captions;
# - read the paper's comparison with the same care.
#
# Figures treated: Fig. 1b and 11 of {cite:t}`wen2024`. Running takes about three minutes on two CPU cores and 1.3 GB of memory; reading, thirty. Before this: {doc}`00_start_here`, {doc}`02_measuring_bias`.

# %%
import matplotlib.pyplot as plt
import pandas as pd

from lt_course import study
from lt_course.evaluation.intervals import (
    bootstrap_spearman,
    mean_over_seeds,
    paired_difference,
)
from lt_course.evaluation.permutations import within_concept
from lt_course.show import bias, runs, style, widgets
from lt_course.study import paper
from lt_course.teach.checks import check

style.use()
pd.options.display.float_format = "{:.2f}".format

# %% [markdown]
# ## Equal terms
#
# A comparison of a method with another is worth as much as the list of what was kept equal. The released models of Fig. 1b differ from classifiers in everything at once: data, size, schedule, augmentation. That is why the paper built its own supervised baseline as much like CLIP as it could: the same {term}`embedding` space, a cosine head with one {term}`prototype` a class, a learnable {term}`temperature`, the same weak cropping. Its optimisers still differ (SGD against AdamW), and so do batch sizes, epochs and schedules.
#
# Here, a run is one frozen specification, so equality is not a promise but a computation. `study.differences` lists the fields in which runs differ, the seed aside.

# %% tags=["nbval-check-output"]
METHODS = ["sl", "clip-template", "clip-title"]
print(study.differences(study.run(method, scale="tiny") for method in METHODS))
print(study.differences([study.run("clip-template"), study.run("clip-title")]))

# %% [markdown]
# The classifier and the CLIPs differ in the objective and in nothing else. The two CLIPs differ in what their captions say, and, with it, in how concepts are asked for in the test.
#
# What all of them share:

# %% tags=["nbval-check-output"]
shared = study.run("sl", scale="tiny")
fields = {**vars(shared.data), **vars(shared.model), **vars(shared.training)}
names = ["profile", "concepts", "pictures", "image_tower", "embedding"]
names += ["optimiser", "learning_rate", "batch", "duration", "crop"]
pd.Series({name: str(fields[name]) for name in names})

# %% [markdown]
# ## Two losses, one softmax
#
# Let $f$ be the normalised feature of a picture, $w_c$ the normalised prototype of class $c$, and $s = 1/\text{temperature}$. Supervised learning minimises, for a picture of class $y$,
#
# $$\mathcal L_\text{SL} = -\log \frac{\exp(s\, f^\top w_y)}{\sum_{c=1}^{C} \exp(s\, f^\top w_c)}.$$
#
# CLIP has no prototypes. Its text tower makes a feature $t_b$ of each caption in the {term}`batch of B pairs <InfoNCE>`, and one half of its loss reads, for picture $b$,
#
# $$\mathcal L_\text{CLIP} = -\log \frac{\exp(s\, f_b^\top t_b)}{\sum_{j=1}^{B} \exp(s\, f_b^\top t_j)}.$$
#
# The other half swaps pictures and captions. Suppose that captions say the class and nothing else, $t_b = w_{y_b}$. Sort the sum by class, with $n_c$ captions of class $c$ in the batch:
#
# $$\sum_{j=1}^{B} \exp(s\, f^\top t_j) = \sum_{c} n_c \exp(s\, f^\top w_c) = \sum_{c} \exp(s\, f^\top w_c + \log n_c).$$
#
# This is the denominator of supervised learning with $\log n_c$ added to every logit, and $n_c$ is, on average, in proportion to the class's frequency. The loss with that very addition is known as {term}`balanced softmax` {cite}`ren2020`, the loss form of {term}`logit adjustment` {cite}`menon2021`: a remedy for long tails. The prior is put in while training, so that the model need not learn it, and is left out in the test. **CLIP applies the remedy without being told the frequencies; its batch counts them.**
#
# Then why is CLIP biased at all, and why less with titles? The argument is about the best possible solution. A tower that has memorised its few tail pictures is far from it: on unseen drawings it falls back on what it has seen most. Titles, in turn, are not one caption a class: each is an attempt of its own, and harder to memorise. So much for what to expect; now we measure.
#
# ## Three methods, three seeds
#
# A seed decides the initial weights, the order, the crops, the captions, and which concept gets which frequency. All methods share the permutation of a seed, so their results can be paired. If lesson 00 or 02 has run, the records are only read.

# %% tags=["nbval-ignore-output"]
SEEDS = range(3)
records = {
    method: study.get_all(study.run(method, seed=seed) for seed in SEEDS)
    for method in METHODS
}

# %%
metrics = runs.table([record for found in records.values() for record in found])
metrics

# %% mystnb={"image": {"alt": "Two panels, S(a) and S(p), with three methods side by side and a thin grey line for each of three seeds. In both panels all lines fall from SL to CLIP with templates to CLIP with titles; the fall is steeper in S(p)."}, "figure": {"caption": "S(a) and S(p) of each method; a line joins the runs of one seed, which share their frequencies.", "name": "fig-03-seeds"}}
runs.seeds(metrics)
plt.show()

# %% [markdown]
# The lines matter more than the dots. Seeds differ because each makes other concepts rare; within a seed, the order of the methods is what we ask about. Hence the *paired* difference, with Student's t interval over seeds ({doc}`02_measuring_bias` says why).

# %%
wide = metrics[["S(a)", "S(p)"]].unstack("seed")
pairs = [
    ("sl", "clip-template"),
    ("clip-template", "clip-title"),
    ("sl", "clip-title"),
]
gaps = {
    f"{a} minus {b}": {
        s: paired_difference(wide.loc[a, s], wide.loc[b, s])
        for s in ("S(a)", "S(p)")
    }
    for a, b in pairs
}
pd.DataFrame(gaps).T.astype(str)

# %%
assert all(gap["S(p)"].estimate > 0 for gap in gaps.values()), (
    "the order of the claim is broken"
)

# %% [markdown]
# With three seeds, t intervals are wide: two degrees of freedom multiply the standard error by 4.3. An interval that spans zero here is no evidence against a gap, only too little evidence for it. The project's tests train seeds 0 to 4 and demand that both steps, from SL to templates and from templates to titles, are clear of zero in S(p).
#
# Is any of this bought with accuracy? The table above says no for templates: that CLIP is about as accurate as the classifier, but spreads its accuracy otherwise. By thirds of the concepts:

# %% mystnb={"image": {"alt": "Intervals of accuracy for the head, middle and tail third of the concepts. SL is highest in the head and lowest in the tail; the two CLIPs are lower in the head and higher in the tail."}, "figure": {"caption": "Accuracy by thirds of the concepts, mean over seeds, with t intervals.", "name": "fig-03-thirds"}}
figure, axes = plt.subplots(figsize=(6.4, 3.2))
bias.interval_rows(
    axes,
    {
        third: {m: mean_over_seeds(metrics.loc[m, third]) for m in METHODS}
        for third in ("head", "mid", "tail")
    },
)
axes.set_xlabel("accuracy")
axes.legend(loc="center right")
plt.show()

# %% [markdown]
# ## Frequency, or difficulty?
#
# Frequent concepts might simply be easy ones; then S would measure difficulty. The paper cannot exclude this: its frequencies are those of the web, one permutation for all time. Ours are permuted by the seed, so every concept has been frequent once and rare another time. Compare each concept with *itself*.

# %% mystnb={"image": {"alt": "Three panels, one a method. A line for each concept goes from its number of predictions where it was rarer to that where it was more frequent. SL's lines rise almost all; CLIP's with titles go in both directions."}, "figure": {"caption": "Each line is one concept under two permutations; the marker is the one in which it is more frequent.", "name": "fig-03-within"}}
tables = {
    method: [record.per_class for record in found]
    for method, found in records.items()
}
runs.within_concepts({method: found[:2] for method, found in tables.items()})
plt.show()

# %%
within = {
    style.LABELS[method]: {
        f"within concepts, {field}": within_concept(found, field)
        for field in ("accuracy", "predictions")
    }
    for method, found in tables.items()
}
pd.DataFrame(within).T

# %% [markdown]
# These correlations use only what changes when a concept is moved to another rank, so difficulty has no part in them. The order of the methods stays. There is a limit: the few largest counts can only go to the few concepts with that many drawings. The correlation of frequency with the number of drawings at hand says how strong this tie is.

# %%
for record in records["sl"]:
    print(f"seed {record.run.seed}: {record.metrics['frequency_limit']:.2f}")

# %% [markdown]
# ## One seed after another
#
# How different do seeds look, class by class? Move the slider.


# %% tags=["nbval-ignore-output"]
def draw(seed):
    return bias.per_class_scatter(
        {method: found[seed] for method, found in tables.items()}
    )


def alt(seed):
    row = metrics.xs(seed, level="seed")["S(p)"].round(2).to_dict()
    return f"Per-class results of seed {seed}; S(p): {row}"


widgets.slider_figure(draw, list(SEEDS), "seed", 0, alt)

# %% mystnb={"image": {"alt": "Six scatter plots of accuracy and number of predictions against training pictures for SL, CLIP with templates and CLIP with titles, seed 0. Predictions of SL follow frequency in a tight band."}, "figure": {"caption": "The slider's picture of seed 0.", "name": "fig-03-slider"}}
draw(0)
plt.show()

# %% [markdown]
# ## A milder tail
#
# {term}`ImageNet-Captions` is nearly flat (its {term}`Gini coefficient` is .22, LAIONet's .79), and the paper's controlled experiments stand on it. The profile `incaps` has its shape. With so little imbalance, chance plays a larger part, and one seed must do here; the intervals are bootstrapped over concepts.

# %% tags=["nbval-ignore-output"]
mild = {
    m: study.get(study.run(m, seed=0, profile="incaps"))
    for m in ("sl", "clip-title")
}

# %%
spread = {
    style.LABELS[m]: {
        f"S({letter})": bootstrap_spearman(
            r.per_class.frequency, r.per_class[field]
        )
        for letter, field in (("a", "accuracy"), ("p", "predictions"))
    }
    for m, r in mild.items()
}
pd.DataFrame(spread).T.astype(str)

# %% [markdown]
# Both correlations are smaller than on the steep tail, as there is less to follow. The supervised S(p) is the one that stands out from chance most; whether the two methods differ in S(a) on this profile, one seed of 60 concepts cannot say.
#
# ## The paper's numbers beside ours
#
# The paper's runs are single; ours carry intervals over seeds. The paper's CLIP is trained on web captions, which are nearest to our titles.

# %%
rows = {}
for data_set, name in (("laionet", "LAIONet"), ("incaps", "IN-Caps")):
    for method in ("sl", "clip"):
        rows[f"paper, {name}: {method.upper()}"] = {
            f"S({s[0]})": f"{paper.value('fig11', data_set, method, f'spearman_{s}'):.2f}"
            for s in ("accuracy", "predictions")
        }
for method in METHODS:
    values = {
        s: str(mean_over_seeds(metrics.loc[method, s])) for s in ("S(a)", "S(p)")
    }
    rows[f"IconTail, LAIONet's shape: {style.LABELS[method]}"] = values
pd.DataFrame(rows).T

# %% [markdown]
# The order is the same in both columns. Our supervised runs are more biased than the paper's: they have seen far fewer pictures of a typical concept than the paper's, which had hundreds, and of the tail a handful. Note the second column of the paper's LAIONet rows against the first: the gap in S(p) is several times the gap in S(a), as it is here.
#
# ## What this scale cannot show
#
# - **The size of the gap.** It moves with the number of pictures, the crops and the steps (exercise 3 shows how much). The sign is what repeats.
# - **Web language.** Titles of drawings are short and mostly name the thing. Captions of photographs say more, and other things.
# - **Scale itself.** The paper finds that CLIP's S(a) falls to nearly 0 with hundreds of millions of pairs. Nothing here speaks to that.
# - **The other optimiser.** The paper trained its classifiers with SGD for 90 epochs; equal terms meant AdamW and equal steps here.
#
# ## Exercises
#
# ````{exercise-start} Is the gap wider in S(p)?
# :label: ex-03-wider
# ````
#
# The claim says that the gap between SL and CLIP with titles is wider in S(p) than in S(a). That is a difference of differences. Compute it with its interval over seeds (`wider`, an `Interval`).
#
# ```{hint}
# :class: dropdown
# `wide.loc["sl", "S(p)"] - wide.loc["clip-title", "S(p)"]` is one gap a seed; `paired_difference` takes two such columns.
# ```
#
# ````{exercise-end}
# ````

# %%
wider = ...

# %% tags=["hide-input"]
by_seed = wide.loc["sl"] - wide.loc["clip-title"]
expected = paired_difference(by_seed["S(p)"], by_seed["S(a)"])
_ = check(
    "difference of differences",
    wider,
    lambda answer: abs(answer.estimate - expected.estimate) < 1e-6,
    hint="Which gap is subtracted from which?",
)

# %% [markdown]
# ````{solution-start} ex-03-wider
# :class: dropdown
# ````

# %%
wider = paired_difference(
    wide.loc["sl", "S(p)"] - wide.loc["clip-title", "S(p)"],
    wide.loc["sl", "S(a)"] - wide.loc["clip-title", "S(a)"],
)
print(wider)

# %% [markdown]
# ````{solution-end}
# ````
#
# ````{exercise-start} Ask in the wrong words
# :label: ex-03-prompts
# ````
#
# The CLIP on titles has never read *a photo of a …*. Ask it in these words all the same: train `clip-title` with seed 0 and the field `prompts` set to `"template"`, and put its accuracy into `asked_wrongly`. Predict first: more, less, or equal?
#
# ```{hint}
# :class: dropdown
# Every field of a run can be given to `study.run` by its name.
# ```
#
# ````{exercise-end}
# ````

# %%
asked_wrongly = ...


# %% tags=["hide-input"]
def with_templates(answer):
    run = study.get(study.run("clip-title", seed=0, prompts="template"))
    return abs(answer - run.metrics["accuracy"]) < 1e-6


_ = check(
    "accuracy with templates",
    asked_wrongly,
    with_templates,
    hint="See the hint above.",
)

# %% [markdown]
# ````{solution-start} ex-03-prompts
# :class: dropdown
# ````

# %% tags=["nbval-ignore-output"]
wrong_words = study.get(study.run("clip-title", seed=0, prompts="template"))
asked_wrongly = wrong_words.metrics["accuracy"]

# %%
print(
    f"usual names {metrics.loc[('clip-title', 0), 'accuracy']:.2f}, templates {asked_wrongly:.2f}"
)

# %% [markdown]
# Training is the same to the last bit; only the questions differ, and accuracy collapses. Words that the text tower never read have random features, and eighty templates are mostly such words. A model's zero-shot result is a result of model *and* prompts {cite}`radford2021,parashar2024`; the usual name of a concept is found in the training titles by counting.
#
# ````{solution-end}
# ````
#
# ````{exercise-start} Does memory bring the prior back?
# :label: ex-03-crop
# ````
#
# We said that CLIP on templates would be unbiased at its optimum, and that memorising the tail keeps it from there. If that is so, whatever makes memorising harder should lower its S(p). Test it: train `clip-template`, seed 0, with crops down to half of the area (`crop=0.5`) and put the change of S(p) against `metrics` into `change`.
#
# ```{hint}
# :class: dropdown
# The new S(p) minus `metrics.loc[("clip-template", 0), "S(p)"]`.
# ```
#
# ````{exercise-end}
# ````

# %%
change = ...


# %% tags=["hide-input"]
def of_the_run(answer):
    run = study.get(study.run("clip-template", seed=0, crop=0.5))
    before = metrics.loc[("clip-template", 0), "S(p)"]
    return abs(answer - (run.metrics["spearman_predictions"] - before)) < 1e-6


_ = check("change of S(p)", change, of_the_run, hint="New minus old.")

# %% [markdown]
# ````{solution-start} ex-03-crop
# :class: dropdown
# ````

# %% tags=["nbval-ignore-output"]
cropped = study.get(study.run("clip-template", seed=0, crop=0.5))
change = (
    cropped.metrics["spearman_predictions"]
    - metrics.loc[("clip-template", 0), "S(p)"]
)

# %%
print(
    f"S(p) changes by {change:+.2f}, accuracy is {cropped.metrics['accuracy']:.2f}"
)
print(f"training loss: {cropped.metrics['loss']:.2f}, ", end="")
print(f"with weak crops {records['clip-template'][0].metrics['loss']:.2f}")

# %% [markdown]
# One run is a hint, not evidence: repeat it over seeds before you believe its sign. The capstone of this course is to do just that with a claim of your own.
#
# ````{solution-end}
# ````
#
# ## Summary
#
# - Equal terms can be proved: the runs differ in their objective alone.
# - CLIP's denominator counts the classes of its batch, and so adjusts its logits by frequency without knowing it.
# - SL follows frequency most, CLIP on titles least; the gaps are paired over seeds and permutations.
# - Concepts compared with themselves give the same order, so difficulty is not the explanation.
# - Zero-shot results depend on prompts that sound like captions.
#
# ## References
#
# {cite:t}`wen2024`; {cite:t}`radford2021`; {cite:t}`ren2020`; {cite:t}`menon2021`; {cite:t}`parashar2024`. In full on the page {doc}`../book/references`.
