# ---
# jupyter:
#   course: {question: "How is a claim made that can turn out wrong?", figure: "-", scale: tiny, minutes: 2, memory_gb: 1.2}
# ---

# %% [markdown]
# # Your own study
#
# **Claim: a claim that is written down and locked before its runs, with its smallest effect and its number of seeds, can turn out wrong. A claim that is chosen after the runs hardly can.**
#
# After this lesson you can
#
# - write a claim as data: a metric, a contrast, a smallest effect, seeds;
# - lock it, so that a later edit is refused;
# - compute how many seeds it needs, from recorded spreads;
# - analyse runs without knowing which arm is which;
# - judge a claim by its interval: supported, reversed, absent or undecided;
# - measure what peeking does to the rate of false alarms, and say why;
# - write a report that names what was planned and what was not.
#
# No figure of the paper is treated; the paper reports single runs. The live part takes about 90 CPU-seconds. Reading takes 35 minutes. Before this: {doc}`02_measuring_bias`, and any lesson from {doc}`03_clip_against_supervised` on.

# %% tags=["hide-input"]
import hashlib
import inspect
import json
from pathlib import Path
from tempfile import mkdtemp

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown
from scipy import stats

from lt_course import evidence, study
from lt_course.evaluation import intervals
from lt_course.evaluation.intervals import Interval
from lt_course.evidence.claims import judge
from lt_course.lessons import exercises, own_study
from lt_course.plots import claims, data_table, style

style.use()
pd.options.display.float_format = "{:.2f}".format
pd.options.display.max_colwidth = None
check = exercises.of("your_own_study")

# %% [markdown]
# ## A question, and a pilot
#
# The study of this page is small on purpose. {term}`Balanced softmax` {cite}`ren2020` raises each logit, while training, by the log of its class's frequency, so that the classifier itself need not learn the prior. A factor in front of the log sets its strength, 1 as published. The question: *does half of the correction already change how closely a classifier's predictions follow frequency?*
#
# A **pilot** of one seed shows whether the runs work and how large an effect may be. It is not evidence for the claim: the claim was not fixed yet. Runs of half the usual length keep the study short.

# %% tags=["nbval-ignore-output"]
ARMS = {"plain": {}, "half": {"adjustment": "balanced-softmax", "strength": 0.5}}


def run(arm, seed):
    return study.config("sl", seed=seed, duration="3 epochs", **ARMS[arm])


pilot = {arm: study.train_or_load(run(arm, seed=0)).metrics for arm in ARMS}
SHOWN = {"accuracy": "accuracy", "spearman_accuracy": "S(a)"}
SHOWN |= {"spearman_predictions": "S(p)"}
pd.DataFrame(pilot).T[[*SHOWN]].rename(columns=SHOWN)

# %% [markdown]
# The two arms must differ in one thing only, the correction. The package says in which fields two runs differ:

# %% tags=["nbval-check-output"]
study.differences([run("plain", seed=0), run("half", seed=0)])

# %% [markdown]
# ## A claim is data
#
# A sentence alone cannot be tested: "less bias" by which measure, by how much, after how many tries? A claim names
#
# - one **metric**, decided before;
# - a **contrast**: which arm is subtracted from which;
# - the **smallest effect** that would matter, whatever is significant;
# - the **seeds**, and with them when to stop.
#
# The smallest effect comes from the purpose, not from the pilot. Here: a remedy that lowers S(p) by less than 0.05 would not be worth a change of the loss.

# %%
claim = {
    "sentence": "Half of balanced softmax makes predictions follow frequency less.",
    "metric": "spearman_predictions",
    "plus": "plain",
    "minus": "half",
    "smallest": 0.05,
    "seeds": [1, 2, 3, 4, 5],
    "leave out": "a seed in which either arm's accuracy is below 0.1",
    "seen before": "seed 0 of both arms, as a pilot",
}

# %% [markdown]
# The course declares its own claims in the same way, in the files of `lt_course/experiments/`. One of them, as the package reads it:

# %%
declared = vars(evidence.experiment("vocabulary").claims[0])
pd.Series(declared).dropna().to_frame("as declared")

# %% [markdown]
# ## How many seeds?
#
# Five, the claim says. Why? Suppose that the true effect is just the smallest that matters. The **power** of a study is the share of its repetitions whose interval lies above zero. It depends on how much the paired differences vary from seed to seed, by their standard deviation. One pilot cannot tell that. The recorded runs can: below are the standard deviations, over seeds 0 to 4, of all claims of {doc}`04_dynamic_classification` on drawings that compare S(p) of two runs.

# %%
spreads = {
    v.claim.sentence: f"{np.std([*v.by_seed.values()], ddof=1):.3f}"
    for v in evidence.verdicts("dynamic_classification", seeds=range(5))
    if evidence.experiment(v.factor).dataset == "icontail"
    if len(v.by_seed) == 5 and v.claim.terms[0][2] == claim["metric"]
}
pd.Series(spreads).to_frame("standard deviation of paired differences")

# %% [markdown]
# Most lie near 0.02, with 194 concepts. With sixty they may be larger, so plan with 0.025, and know that this is no cautious number. Simulating many studies gives the power; the noncentral t distribution gives it exactly.


# %%
def power(effect, sd, n, studies=20_000):
    d = np.random.default_rng(n).normal(effect, sd, (studies, n))
    half = stats.t.ppf(0.975, n - 1) * d.std(axis=1, ddof=1) / np.sqrt(n)
    return np.mean(d.mean(axis=1) > half)  # the interval lies above zero


def exact_power(effect, sd, n):
    return stats.nct.sf(stats.t.ppf(0.975, n - 1), n - 1, effect / sd * np.sqrt(n))


for n in (3, 5, 10):
    np.testing.assert_allclose(
        power(0.05, 0.025, n), exact_power(0.05, 0.025, n), atol=0.02
    )

# %% mystnb={"image": {"alt": "Power against number of seeds from 2 to 10, one line for each size of effect: one, one and a half, two and three standard deviations. Larger effects reach the grey line at 0.8 with fewer seeds."}, "figure": {"caption": "Power by number of seeds, for effects of several sizes in standard deviations (sd) of the paired differences. Grey: 80 %.", "name": "fig-study-power"}}
SEEDS = range(2, 11)
shares = {
    f"{size} sd": [exact_power(size, 1, n) for n in SEEDS]
    for size in (1, 1.5, 2, 3)
}
own_study.plot_power(SEEDS, shares)
plt.show()

# %% [markdown]
# An effect of two standard deviations, as 0.05 is of 0.025, passes a power of 80 % with five seeds, and an effect of one with ten. (This is the power to exclude zero. At a true effect of exactly the smallest size the estimate reaches that size in half of the studies only, so for *supported* the effect has to be larger.)

# %% [markdown]
# ### Exercise: seeds needed
#
# *Write · difficulty 2 of 3 · 8 minutes · trains planning a study*
#
# Write `seeds_needed(sd, smallest)`: the least number of seeds, from two upwards, with which a study finds a true effect of size `smallest` with a power of at least 0.8. `sd` is the standard deviation of the paired differences, in the unit of `smallest`. Use `exact_power`. [Solution](solutions/15_your_own_study)


# %% exercise="seeds-needed"
def seeds_needed(sd, smallest): ...


# %% tags=["remove-cell"]
check("seeds-needed", seeds_needed)

# %% [markdown]
# ## Lock it
#
# A hash of the claim's file is a short number that changes with every edit. Keep the file where it is, and give the hash away before the first run: in a commit that is pushed, in a letter to a colleague, in a public registry. A hash beside the file protects against accidents only, since who edits the file can hash it again.


# %%
def lock(claim, file):
    file.write_text(json.dumps(claim, indent=1))
    return hashlib.sha256(file.read_bytes()).hexdigest()


def unlock(file, digest):
    if hashlib.sha256(file.read_bytes()).hexdigest() != digest:
        raise ValueError(
            f"{file.name} was edited after it was locked; register it anew."
        )
    return json.loads(file.read_text())


# %% tags=["nbval-check-output"]
file = Path(mkdtemp()) / "claim.json"
digest = lock(claim, file)
print("locked as", digest[:16])
assert unlock(file, digest) == claim

# %% [markdown]
# Now somebody lowers the bar after the fact:

# %% tags=["nbval-check-output"]
locked = file.read_text()
file.write_text(locked.replace('"smallest": 0.05', '"smallest": 0.01'))
try:
    unlock(file, digest)
except ValueError as error:
    print("refused:", error)
file.write_text(locked)
claim = unlock(file, digest)

# %% [markdown]
# ### Exercise: a lock that survives new formatting
#
# *Write · difficulty 2 of 3 · 6 minutes · trains hashing what is meant and not how it is written*
#
# The lock above refuses a file in which an editor changed a blank. Write `digest_of(claim)`: the SHA-256, in hexadecimal, of the claim's JSON with sorted keys and the separators `(",", ":")`. Two dictionaries with the same fields in another order must get the same digest. A run's address in this course is made so, too. [Solution](solutions/15_your_own_study)


# %% exercise="digest"
def digest_of(claim): ...


# %% tags=["remove-cell"]
check("digest", digest_of)

# %% [markdown]
# ## Run it, blind
#
# The registered runs come next. Before they do, say what you expect.

# %% [markdown]
# ### Exercise: commit to a number
#
# *Predict · difficulty 1 of 3 · 2 minutes · trains saying what one expects*
#
# By how much does S(p) fall from the plain loss to half of the correction, in the mean over seeds 1 to 5? Positive is a fall. [Solution](solutions/15_your_own_study)

# %% exercise="effect"
fall = ...


# %% tags=["remove-cell"]
check("effect", fall)

# %% tags=["nbval-ignore-output"]
records = {
    arm: study.train_or_load_all([run(arm, seed) for seed in claim["seeds"]])
    for arm in ARMS
}

# %% [markdown]
# The runs are there; do not look yet. Many choices are still open. Is a strange seed left out? Is the interval one over seeds or over concepts? Somebody who knows which choice helps the claim is drawn to it. So the arms get neutral names, P and Q, swapped at random in each seed, with a key that a colleague keeps. All choices are made on the blinded numbers. Of accuracy, only what the rule on leaving out needs is shown: a second metric could give the arms away.


# %%
def blind(plus, minus, key):
    swap = np.random.default_rng(key).random(len(plus)) < 0.5
    return np.where(swap, minus, plus), np.where(swap, plus, minus)


KEY = 1955  # kept by a colleague until the analysis is fixed
metric = {
    field: [
        [r.metrics[field] for r in records[claim[arm]]] for arm in ("plus", "minus")
    ]
    for field in (claim["metric"], "accuracy")
}
sealed = blind(*metric[claim["metric"]], KEY)
blinded = {
    f"S(p), arm {name}": values for name, values in zip("PQ", sealed, strict=True)
}
blinded["lower accuracy of the two"] = np.min(metric["accuracy"], axis=0)
pd.DataFrame(blinded, index=pd.Index(claim["seeds"], name="seed"))

# %% [markdown]
# No run has failed, and none is near chance, so by the rule in the claim no seed is left out. The analysis is fixed as one function, and its text is hashed, too. Run on the blinded arms it must work; its result there has no meaning, since the signs are random.


# %%
def effect_of(plus, minus):
    return intervals.paired_difference(plus, minus)


source = hashlib.sha256(inspect.getsource(effect_of).encode()).hexdigest()
print("analysis locked as", source[:16])
print("blinded:", effect_of(*sealed))

# %% [markdown]
# Now the key is used, which gives the arms their names back: blinding twice with one key undoes it.

# %% tags=["nbval-ignore-output"]
plus, minus = blind(*sealed, KEY)
np.testing.assert_array_equal([plus, minus], metric[claim["metric"]])
effect = effect_of(plus, minus)
print("S(p), plain minus half:", effect)
check.reveal("effect", effect)

# %% [markdown]
# ## The verdict is the interval's
#
# For a claim of a positive effect, with a 95 % interval and a smallest effect:
#
# - **supported**: the whole interval lies above zero, and the estimate reaches the smallest effect;
# - **reversed**: the whole interval lies below zero;
# - **absent**: the interval's upper end is below the smallest effect, but the interval does not lie below zero;
# - **undecided**: otherwise.
#
# "Not supported" is thus three different things, and only one of them speaks for the opposite.

# %% mystnb={"image": {"alt": "Six intervals with their verdicts beside a black line at zero and a grey line at the smallest effect. Two above zero: the one whose estimate lies beyond the grey line is supported, the one wholly between the lines is absent. One around zero and short of the grey line is absent, one below zero is reversed. Two wide ones are undecided: one reaches from below zero to beyond the grey line, one lies above zero with an estimate short of the grey line."}, "figure": {"caption": "Intervals and their verdicts. Significance alone does not decide: the second and the third lie above zero, too.", "name": "fig-study-verdicts"}}
examples = [(0.05, 0.2, 0.35), (0.01, 0.07, 0.13), (0.01, 0.04, 0.07)]
examples += [(-0.05, 0.01, 0.07), (-0.15, 0.08, 0.31), (-0.3, -0.18, -0.06)]
shown = [Interval(estimate, low, high, 5) for low, estimate, high in examples]
own_study.plot_verdicts(shown, smallest=0.1)
plt.show()

# %%
figure_data = pd.DataFrame(examples, columns=["low", "effect", "high"])
figure_data["verdict"] = [judge(each, 0.1, "positive") for each in shown]
data_table(
    figure_data, "Six made-up intervals; the smallest effect that matters is 0.1."
)

# %% [markdown]
# ### Exercise: a verdict
#
# *Write · difficulty 1 of 3 · 6 minutes · trains telling absence from reversal*
#
# Write `verdict(low, estimate, high, smallest)`: one of `"supported"`, `"reversed"`, `"absent"` and `"undecided"`, by the list above. [Solution](solutions/15_your_own_study)


# %% exercise="verdict"
def verdict(low, estimate, high, smallest): ...


# %% tags=["remove-cell"]
check("verdict", verdict)

# %% tags=["nbval-ignore-output"]
first_look = pilot["plain"][claim["metric"]] - pilot["half"][claim["metric"]]
print(f"pilot: {first_look:.3f}; registered: {effect:.3f}")
print(claim["sentence"])
print("->", judge(effect, claim["smallest"], "positive"))

# %% [markdown]
# The pilot promised more than the registered seeds bring. This is common: a question is taken up because its pilot looked promising, and the luck in it does not return. On the machine that made this page, the interval lies above zero and below the smallest effect. A test of significance would have called this a success; by the bar that we set ourselves, an effect that matters is *absent*. (The interval's ends are near both bars, so another machine's last digits may turn the verdict to *undecided*.)

# %% [markdown]
# ## Two recorded cases
#
# The course's own claims went the same way, at scale `cpu` on drawings. Two claims of the paper, one on each side. The first is that a classifier that tells a class from a sampled vocabulary predicts frequent classes less ({doc}`04_dynamic_classification`). The second is that more data make accuracy under a frozen text head follow frequency less ({doc}`08_scale_and_text_heads`).

# %%
CASES = {
    "vocabulary-lowers-prediction-bias": "dynamic_classification",
    "frozen-head-less-bias-with-data": "scale_and_text_heads",
}
AGAIN = {"0 to 4": range(5), "5 to 9": range(5, 10), "ten": range(10)}


def judged(name, seeds):
    found = evidence.verdicts(CASES[name], seeds=seeds)
    return next(v for v in found if v.claim.id == name)


cases = {
    name: [judged(case, seeds) for case in CASES] for name, seeds in AGAIN.items()
}
claims.table(cases["0 to 4"]).set_index("claim").drop(columns="target")

# %%
by_seed = {f"case {i}": v.by_seed for i, v in enumerate(cases["ten"], start=1)}
pd.DataFrame(by_seed).T.rename_axis(columns="seed")

# %%
rows = {
    f"seeds {name}": [f"{v.effect:.2f}, {v.verdict}" for v in found]
    for name, found in cases.items()
}
pd.DataFrame(rows, index=["case 1", "case 2"])

# %% [markdown]
# The first effect has one sign with all ten seeds. The second has, with all but one, the sign that the claim does *not* expect: S(a) was lower with an eighth of the data. Both verdicts came again with seeds 5 to 9, which nobody had looked at. Reversed is not the end of a claim: {doc}`08_scale_and_text_heads` asks what it is owed to.
#
# The verdict of one set of seeds is not always that of the next. A third claim, on the accuracy of sampled vocabularies, by seeds 0 to 4:

# %%
found = evidence.verdicts("dynamic_classification", seeds=range(5))
third = [v for v in found if v.claim.id == "vocabulary-raises-accuracy"]
print("smallest effect that would matter:", third[0].claim.smallest)
claims.table(third).set_index("claim").drop(columns="target")

# %% [markdown]
# ### Exercise: once more, with other seeds
#
# *Choose · difficulty 1 of 3 · 3 minutes · trains doubting a narrow success*
#
# What is the verdict on this third claim by seeds 5 to 9? Assign one of `"supported"`, `"reversed"`, `"absent"`, `"undecided"`, before you look it up on the page {doc}`../book/results`. [Solution](solutions/15_your_own_study)

# %% exercise="replication"
second_verdict = ...


# %% tags=["remove-cell"]
check("replication", second_verdict)

# %% [markdown]
# ## What goes wrong without a lock
#
# Two habits make claims that cannot fail. The first is to measure much and report the best. Here is how often at least one of several metrics "shows" an effect where there is none, with five seeds, if the metrics were independent. (Real ones are correlated, which lowers the rate.)

# %% tags=["nbval-check-output"]
rng = np.random.default_rng(0)
alarms = stats.ttest_1samp(rng.normal(size=(5, 20_000, 10)), 0).pvalue < 0.05
rates = {f"best of {k}": alarms[:, :k].any(axis=1).mean() for k in (1, 2, 4, 10)}
pd.DataFrame(rates, index=["at least one false alarm"])

# %% [markdown]
# The second habit is to look after every seed and to stop once the interval excludes zero.

# %% [markdown]
# ### Exercise: the price of peeking
#
# *Write · difficulty 3 of 3 · 12 minutes · trains simulating a way of working*
#
# Write `false_alarm_rate(peeks)`. `peeks` is a rising list of numbers of seeds, such as `[3, 4, 5]`: after so many seeds somebody looks, and stops if the 95 % t interval of the paired differences excludes zero on either side. There is no effect: differences are normal with mean 0. Return the share of 20,000 simulated studies that stop with an alarm. [Solution](solutions/15_your_own_study)


# %% exercise="false-alarm-rate"
def false_alarm_rate(peeks): ...


# %% tags=["remove-cell"]
check("false-alarm-rate", false_alarm_rate)

# %% [markdown]
# ### Exercise: why peeking inflates errors
#
# *Explain · difficulty 2 of 3 · 5 minutes · trains reasoning about stopping rules*
#
# Each single look has a false-alarm rate of 5 %. In three sentences: why is the rate of the whole procedure larger, why is it smaller than for independent studies, and what in the claim above prevents it? [Solution](solutions/15_your_own_study)

# %% exercise="peeking"
explanation = ""


# %% tags=["remove-cell"]
check("peeking", explanation)

# %% [markdown]
# ## The report
#
# A report keeps apart what was planned and what was found besides. The template fills itself from the locked claim and the records.


# %% tags=["nbval-ignore-output"]
def report(claim, digest, plus, minus, effect, also):
    seeds = ", ".join(map(str, claim["seeds"]))
    by_seed = ", ".join(f"{d:+.3f}" for d in plus - minus)
    return f"""
**Claim** (locked as `{digest[:16]}`): {claim["sentence"]}

- **Contrast:** {claim["metric"]}, {claim["plus"]} minus {claim["minus"]}
- **Smallest effect that would matter:** {claim["smallest"]}
- **Seeds:** {seeds}; left out: none. **Seen before:** {claim["seen before"]}
- **Effect by seed:** {by_seed}
- **Effect:** {effect:.3f}, 95 % t interval over seeds
- **Verdict:** {judge(effect, claim["smallest"], "positive")}
- **Deviations from the plan:** none
- **Not planned, so a question and no answer:** {also}
- **Holds for:** drawings, 60 concepts, 3 epochs; code `{records["plain"][0].environment["code"][:12]}`
"""


accuracy = effect_of(*metric["accuracy"])
also = f"accuracy, plain minus half: {accuracy}"
Markdown(report(claim, digest, plus, minus, effect, also))

# %% [markdown]
# The last line but one is why reports have it: accuracy rises with half of the correction. It is tempting to report this instead. But it was one of several numbers on the screen, so it is a question for the next claim, with a smallest effect and seeds of its own.

# %% [markdown]
# ## On photographs, or on your own folder
#
# The same study needs other data only. On photographs, once `LT_COURSE_DATA` names the folder that holds them ({doc}`../book/photographs`):
#
# ```bash
# export LT_COURSE_DATA=$HOME/data
# lt-course data fetch tiny-imagenet
# for seed in 1 2 3 4 5; do
#   for strength in 0 0.5; do
#     lt-course run sl --seed $seed --scale cpu \
#       --adjustment balanced-softmax --strength $strength \
#       --dataset tiny-imagenet --profile 'exponential(500,2)' \
#       --image-tower small-cnn-64 --batch-size 256 \
#       --crop 0.6 --mirror --json
#   done
# done
# ```
#
# On a folder of your own pictures, which {doc}`../book/your_own_data` prepares:
#
# ```bash
# lt-course run sl --seed 1 --scale tiny \
#   --adjustment balanced-softmax --strength 0.5 \
#   --dataset folder --data-folder ~/pictures --profile 'exponential(70,5)'
# ```
#
# With few classes, chance alone reaches far ({doc}`02_measuring_bias`): plan more seeds. To let the package judge and record the study, declare it in a file such as `lt_course/experiments/half.toml`, in your own clone:
#
# ```toml
# lesson = "dynamic_classification"
# title = "Half of the correction"
# differ_in = ["adjustment", "strength"]
#
# [runs]
# "plain" = { run = "sl" }
# "half" = { run = "sl", adjustment = "balanced-softmax", strength = 0.5 }
#
# [[claims]]
# id = "half-lowers-bias"
# sentence = "Half of balanced softmax makes predictions follow frequency less."
# terms = [
#   [1, "plain", "spearman_predictions"],
#   [-1, "half", "spearman_predictions"],
# ]
# smallest = 0.05
# ```
#
# Commit it; the commit is the lock. Then:
#
# ```bash
# lt-course study run half --seeds 1-5
# lt-course study record --seeds 1-5
# lt-course claims --seeds 1-5
# ```
#
# ## What this scale cannot show
#
# - Five seeds find effects of two standard deviations. Smaller ones need more seeds, whatever the method.
# - The interval speaks of other seeds: other weights, other orders, other frequencies. It does not speak of other pictures, other concepts or other code.
# - A lock shows that a claim was not changed. It does not show that nothing else was tried; for that, all that was locked is reported.
# - Blinding works between people. Alone, one can write the analysis before the runs.
#
# ## Summary
#
# - A claim is a metric, a contrast, a smallest effect and seeds, locked before its runs.
# - Power tells how many seeds an effect of that size needs; recorded spreads feed it.
# - Choices are made on blinded numbers.
# - The interval gives the verdict; absent, reversed and undecided are three things.
# - Peeking, and reporting the best of many metrics, turn 5 % into much more.
#
# Next: {doc}`../book/your_own_data`, for pictures of your own; {doc}`../book/results` has every claim of the course.
#
# ## References
#
# {cite:t}`ren2020`. In full on the page {doc}`../book/references`.
