# ---
# jupyter:
#   course: {question: "The gap, on equal terms", figure: "Fig. 1b, 11", scale: tiny, minutes: 3, memory_gb: 1.3}
# ---

# %% [markdown]
# # CLIP against supervised learning
#
# **Claim: with pictures, image tower, steps and optimiser held equal, supervised learning follows class frequency more closely than CLIP on templates, and that more closely than CLIP on titles; the order is the same with every seed and permutation of the frequencies tried here, and the gap between supervised learning and CLIP on titles is wider in S(p) than in S(a).**
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
import numpy as np
import pandas as pd

from lt_course import evidence, study
from lt_course.evaluation.intervals import (
    bootstrap_spearman,
    mean_over_seeds,
    paired_difference,
)
from lt_course.evidence import paper
from lt_course.lessons.checks import check
from lt_course.lessons.permutations import within_concept
from lt_course.plots import bias, claims, runs, style, widgets

style.use()
pd.options.display.float_format = "{:.2f}".format

# %% [markdown]
# ## Equal terms
#
# A comparison of two methods is worth as much as the list of what was kept equal. The released models of Fig. 1b differ from classifiers in everything at once: data, size, schedule, augmentation. That is why the paper built its own supervised baseline as much like CLIP as it could: the same {term}`embedding` space, a cosine head with one {term}`prototype` a class, a learnable {term}`temperature`, the same weak cropping. Their optimisers still differ (SGD against AdamW), and so do batch sizes, epochs and schedules.
#
# Here a run is one frozen specification, so equality can be computed. `study.differences` lists the fields in which runs differ, the seed aside.

# %% tags=["nbval-check-output"]
METHODS = ["sl", "clip-template", "clip-title"]
equal = [study.config(method, scale="tiny") for method in METHODS]
print(sorted(study.differences(equal)))
print(sorted(study.differences(equal[1:])))

# %% [markdown]
# The classifier and the CLIPs differ in the objective (with CLIP's comes a text {term}`tower`) and in nothing else. The two CLIPs differ in what their captions say, and, with it, in how concepts are asked for in the test.
#
# What all of them share:

# %% tags=["nbval-check-output"]
shared = study.config("sl", scale="tiny")
fields = {**vars(shared.data), **vars(shared.model), **vars(shared.training)}
names = ["profile", "concepts", "num_images", "image_tower", "embed_dim"]
names += ["optimizer", "learning_rate", "batch_size", "duration", "crop"]
pd.Series({name: str(fields[name]) for name in names})

# %% [markdown]
# ## Two losses, one softmax
#
# Let $f$ be the normalised feature of a picture, $w_c$ the normalised prototype of class $c$, and $s = 1/\text{temperature}$. Supervised learning minimises, for a picture of class $y$,
#
# $$\mathcal L_\text{SL} = -\log \frac{\exp(s\, f^\top w_y)}{\sum_{c=1}^{C} \exp(s\, f^\top w_c)}.$$
#
# CLIP has no prototypes. Its text tower makes a feature $t_b$ of each caption in the batch of $B$ pairs, and one half of its loss, {term}`InfoNCE`, reads for picture $b$
#
# $$\mathcal L_\text{CLIP} = -\log \frac{\exp(s\, f_b^\top t_b)}{\sum_{j=1}^{B} \exp(s\, f_b^\top t_j)}.$$
#
# The other half chooses the picture for a caption; whatever a caption adds to all of its logits cancels there, so we can leave that half aside. Suppose that captions say the class and nothing else, $t_b = w_{y_b}$. Sort the sum by class, with $n_c$ captions of class $c$ in the batch and only the classes with $n_c > 0$ in the sum:
#
# $$\sum_{j=1}^{B} \exp(s\, f^\top t_j) = \sum_{c} n_c \exp(s\, f^\top w_c) = \sum_{c} \exp(s\, f^\top w_c + \log n_c).$$
#
# This is the denominator of supervised learning with $\log n_c$ added to the logit of each class that is present, and $n_c$ is, on average, in proportion to the class's frequency. (Adding $\log n_y$ in the numerator too changes the loss by a constant and no gradient.) Cross-entropy with the log frequency added to each logit is known as {term}`balanced softmax` {cite}`ren2020`, the loss form of {term}`logit adjustment` {cite}`menon2021`: a remedy for long tails. The prior is put in while training, so that the model need not learn it, and is left out in the test. **CLIP applies the remedy without being told the frequencies; its batch counts them.**
#
# Then why should CLIP be biased at all, and why less with titles? The argument is about the best possible solution, and training need not reach it. A guess: a model that has memorised its few tail pictures falls back, on unseen drawings, on what it has seen most. Titles are not one caption a class but many, so there is no one caption to memorise for a class. So much for what to expect; now we measure. Exercise 3 puts the guess to a first test.
#
# ## Three methods, three seeds
#
# A seed decides the initial weights, the order, the crops, the captions, and which concept gets which frequency. All methods share the permutation of a seed, so their results can be paired. If lesson 00 or 02 has run, the records are only read.

# %% tags=["nbval-ignore-output"]
SEEDS = range(3)
records = {
    method: study.train_or_load_all(
        study.config(method, seed=seed) for seed in SEEDS
    )
    for method in METHODS
}

# %%
metrics = runs.table([record for found in records.values() for record in found])
metrics

# %% mystnb={"image": {"alt": "Two panels, S(a) and S(p), with three methods side by side and a thin grey line for each of three seeds. In both panels all lines fall from SL to CLIP with templates to CLIP with titles; the fall is steeper in S(p)."}, "figure": {"caption": "S(a) and S(p) of each method; a line joins the runs of one seed, which share their frequencies.", "name": "fig-gap-seeds"}}
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
# With three seeds, t intervals are wide: with two degrees of freedom they reach more than four standard errors to either side. An interval that spans zero here is no evidence against a gap, only too little evidence for it. So it is here with steps from and to templates: they have the same sign in every seed, but CLIP on templates differs so much from seed to seed that intervals reach below zero. Between SL and CLIP on titles the intervals are clear of it. Three seeds are few; [the recorded evidence](recorded-gap) below has five, and more concepts, and the project's tests train seeds 0 to 4 of this very comparison and demand that both steps are clear of zero in S(p).
#
# Is the lower bias bought with accuracy? The table of runs says no for templates: that CLIP is about as accurate as the classifier, but its accuracy is spread differently. It says yes for titles: that CLIP is less accurate in every seed. By thirds of the concepts, ranked by frequency ({term}`head, mid and tail`):

# %% mystnb={"image": {"alt": "Intervals of accuracy for the head, middle and tail third of the concepts. In the head SL is highest and CLIP with titles lowest; in the middle all three are close; in the tail SL's mean is lowest and that of CLIP with templates highest, but the intervals overlap."}, "figure": {"caption": "Accuracy by thirds of the concepts, mean over seeds, with t intervals.", "name": "fig-gap-thirds"}}
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
# ## Has it memorised?
#
# The loss of CLIP on templates has a floor above 0. When $n_y$ captions of the batch are made from the picture's class, no model can tell which of them is its own, and the best is to give each the same share: a loss of $\log n_y$. The mean of that over random batches is the floor. How far above it did training end?

# %%
template = records["clip-template"][0]
share = template.per_class.frequency / template.per_class.frequency.sum()
batches = np.random.default_rng(0).multinomial(128, share, size=2_000)
floor = (batches * np.log(np.maximum(batches, 1))).sum(1).mean() / 128
print(f"floor {floor:.2f}, loss of the last epoch {template.metrics['loss']:.2f}")

# %% [markdown]
# Training ends close above the floor: of what can be had on its training set, augmented as it was, the model has nearly all. That is the state in which the argument about the best solution says nothing about unseen drawings, and it fits the guess above: the remedy is at work, and what it cannot reach is the prior that comes back with memory. Exercise 3 goes on from here.
#
# ## Frequency, or difficulty?
#
# Frequent concepts might simply be easy ones; then S would measure difficulty. With frequencies as the web has them, this cannot be excluded, as each class has one frequency and keeps it. Ours are permuted by the seed, so that most concepts are more frequent with one seed than with another. Compare each concept with *itself*.

# %% mystnb={"image": {"alt": "Three panels, one a method. A line for each concept goes from its number of predictions where it was rarer to that where it was more frequent. SL's lines rise almost all; CLIP's with titles go in both directions."}, "figure": {"caption": "Each line is one concept under two permutations; the marker is at the end where it is more frequent.", "name": "fig-gap-within"}}
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
# From each concept's ranks in frequency and in the measured value its own mean over the seeds was subtracted, and what is left was correlated. So only what changes when a concept moves to another rank counts, and a difficulty that stays with the concept has no part in it. The order of the methods stays. There is a limit: the few largest counts can only go to the few concepts with that many drawings. The correlation of frequency with the number of drawings at hand says how strong this tie is (0 for a free permutation).

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

# %% mystnb={"image": {"alt": "Six scatter plots of accuracy and number of predictions against training pictures for SL, CLIP with templates and CLIP with titles, seed 0. Predictions of SL follow frequency in a tight band."}, "figure": {"caption": "The slider's picture of seed 0.", "name": "fig-gap-slider"}}
draw(0)
plt.show()

# %% [markdown]
# ## A milder tail
#
# {term}`ImageNet-Captions` is nearly flat (its {term}`Gini coefficient` is .22, LAIONet's .79), and the paper uses it to compare captions and vocabularies. The profile `incaps` has its Gini coefficient. To save time we train one seed only; the intervals are bootstrapped over concepts.

# %% tags=["nbval-ignore-output"]
mild = {
    m: study.train_or_load(study.config(m, seed=0, profile="incaps"))
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
# All four correlations are smaller than on the steep tail, as there is less to follow. Only the interval of the supervised S(p) excludes zero, and it lies clear of CLIP's. Whether the two methods differ in S(a) on this profile, one seed cannot say.
#
# (recorded-gap)=
# ## The recorded evidence
#
# What a page can train while you read is small. The course's evidence is trained beforehand, at scale `cpu`: 194 concepts, 6,000 pictures, and for the milder tail 3,000; seeds 0 to 4, each with its own permutation. The claims were written down first, each with the smallest effect that would matter; {doc}`../book/results` has the rule of the verdicts, and {doc}`../book/how_to_use` how to train it all again.

# %%
verdicts = evidence.verdicts(lesson="clip_against_supervised")
claims.table(verdicts)

# %% mystnb={"image": {"alt": "Effects of this lesson's claims with intervals, each beside the paper's value where there is one. The table above holds the same numbers."}, "figure": {"caption": "The claims of this lesson: our effect with its 95 % interval over five seeds, and the paper's.", "name": "fig-gap-claims"}}
claims.effects(verdicts)
plt.show()

# %% [markdown]
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
    rows[f"IconTail, as LAIONet: {style.LABELS[method]}"] = values
pd.DataFrame(rows).T

# %% [markdown]
# The order is the same in both columns. Our supervised runs are more biased than the paper's; they also see far fewer pictures of a typical concept, but nothing here shows that this is the reason. In the paper's rows, too, the gap between SL and CLIP is wider in S(p) than in S(a).
#
# ## What this scale cannot show
#
# - **The size of the gap.** It may well move with the number of pictures, the crops and the steps (exercise 3 changes the crops). The sign is what repeats.
# - **Web language.** Titles of drawings are short and mostly name the thing. Captions of photographs say more, and other things.
# - **Scale itself.** The paper finds that CLIP's S(a) falls to nearly 0 with billions of pairs (Fig. 1b). Nothing here speaks to that.
# - **The other optimiser.** The paper trained its classifiers with SGD for 90 epochs; equal terms meant AdamW and equal steps here.
#
# ## Exercises
#
# ````{exercise-start} Is the gap wider in S(p)?
# :label: ex-gap-wider
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
    lambda answer: str(answer) == str(expected),
    hint="Which gap is subtracted from which?",
)

# %% [markdown]
# ````{solution-start} ex-gap-wider
# :class: dropdown
# ````

# %%
wider = paired_difference(
    wide.loc["sl", "S(p)"] - wide.loc["clip-title", "S(p)"],
    wide.loc["sl", "S(a)"] - wide.loc["clip-title", "S(a)"],
)
print(wider)

# %% [markdown]
# The interval is clear of zero: the gap is wider in S(p).
#
# ````{solution-end}
# ````
#
# ````{exercise-start} Ask in the wrong words
# :label: ex-gap-prompts
# ````
#
# The CLIP on titles has never read *a photo of a …*. Ask it in these words all the same: train `clip-title` with seed 0 and the field `prompts` set to `"template"`, and put its accuracy into `asked_wrongly`. Predict first: will it be higher, lower or the same?
#
# ```{hint}
# :class: dropdown
# Every field of a run can be given to `study.config` by its name.
# ```
#
# ````{exercise-end}
# ````

# %%
asked_wrongly = ...


# %% tags=["hide-input"]
def with_templates(answer):
    run = study.train_or_load(
        study.config("clip-title", seed=0, prompts="template")
    )
    return abs(answer - run.metrics["accuracy"]) < 1e-6


_ = check(
    "accuracy with templates",
    asked_wrongly,
    with_templates,
    hint="Is it seed 0, and the accuracy?",
)

# %% [markdown]
# ````{solution-start} ex-gap-prompts
# :class: dropdown
# ````

# %% tags=["nbval-ignore-output"]
wrong_words = study.train_or_load(
    study.config("clip-title", seed=0, prompts="template")
)
asked_wrongly = wrong_words.metrics["accuracy"]

# %%
print(
    f"usual names {metrics.loc[('clip-title', 0), 'accuracy']:.2f}, templates {asked_wrongly:.2f}"
)

# %% [markdown]
# The captions, the pictures and their order are the same; only the questions differ, and accuracy drops steeply. (The text tower also begins from other random weights, because its table of words now holds those of the templates.) Words that the tower never read keep the random vectors they began with, and the templates are full of such words. A {term}`zero-shot <zero-shot classification>` result is one of model *and* prompts {cite}`radford2021,parashar2024`. The usual name of a concept was found by counting titles, in all of IconTail's training drawings and not only in those of the run: a little help that the other methods do not get.
#
# ````{solution-end}
# ````
#
# ````{exercise-start} Does memory bring the prior back?
# :label: ex-gap-crop
# ````
#
# We said that CLIP on templates would be unbiased at its optimum, and guessed that memorising the tail keeps it from there. If that is so, whatever makes memorising harder should lower its S(p). Test it: train `clip-template`, seed 0, with crops down to half of the area (`crop=0.5`), and put into `change` by how much its S(p) differs from that in `metrics`.
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
    run = study.train_or_load(study.config("clip-template", seed=0, crop=0.5))
    before = metrics.loc[("clip-template", 0), "S(p)"]
    return abs(answer - (run.metrics["spearman_predictions"] - before)) < 1e-6


_ = check("change of S(p)", change, of_the_run, hint="New minus old.")

# %% [markdown]
# ````{solution-start} ex-gap-crop
# :class: dropdown
# ````

# %% tags=["nbval-ignore-output"]
cropped = study.train_or_load(study.config("clip-template", seed=0, crop=0.5))
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
# S(p) falls, as guessed, and the training loss is higher, so the model has memorised less. (This loss cannot reach 0: templates filled with one class's name are right for all of its pictures in the batch.) But accuracy falls too: perhaps it has only learned less. And one run is a hint, not evidence: repeat it over seeds before you believe its sign.
#
# ````{solution-end}
# ````
#
# ## Summary
#
# - Equal terms can be proved: the classifier and the CLIPs differ in their objective alone.
# - CLIP's denominator counts the classes of its batch, and so adjusts its logits by frequency without being told it.
# - SL follows frequency most, CLIP on titles least, in every seed; the gaps are paired, as the methods share each seed's frequencies.
# - Concepts compared with themselves give the same order, so difficulty alone is not the explanation.
# - Zero-shot results depend on the prompts, which should sound like the captions.
#
# ## References
#
# {cite:t}`wen2024`; {cite:t}`radford2021`; {cite:t}`ren2020`; {cite:t}`menon2021`; {cite:t}`parashar2024`. In full on the page {doc}`../book/references`.
