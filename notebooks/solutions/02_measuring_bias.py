# %% [markdown]
# # Solutions: Measuring bias
#
# To the exercises of {doc}`../02_measuring_bias`.

# %% [markdown]
# ## What chance gives

# %% exercise="by-chance"
chance_guess = 0.25

# %% [markdown]
# The standard deviation of S over random orders is $1/\sqrt{C-1}$, and about one value in twenty is more than two standard deviations away from 0. Most people guess too low, since a correlation of 0.2 between two unrelated columns feels like something.

# %% [markdown]
# ## A giant grows

# %% exercise="giant"
table = tables["sl"]
giant = table.frequency == table.frequency.max()
grown = table.frequency.mask(giant, 100 * table.frequency)
changes = [
    correlation(grown, table.predictions)
    - correlation(table.frequency, table.predictions)
    for correlation in (bias.pearson, bias.spearman)
]
print(f"Pearson's change {changes[0]:+.3f}, Spearman's {changes[1]:+.3f}")

# %% [markdown]
# The most frequent class was the most frequent before. No rank changes, so Spearman's correlation cannot change. Pearson's now sees hardly more than two points, the giant and the rest, and what the other classes do counts for little.

# %% [markdown]
# ## Two ways to lie below the diagonal

# %% exercise="false-alarms"
explanation = """
The hits alone would give S(a), so the false alarms pull S(p) down. Either the model has
hubs: some classes get many false alarms for reasons that have nothing to do with
frequency, and these blur the order of the hits. Or it has a prior towards the tail, and
its false alarms go to rare classes. The correlation of frequency with the false alarms
tells which: within chance for hubs, clearly negative for a lean to the tail.
"""

# %% [markdown]
# A typical wrong answer is "the model leans to the tail", as if S(p) below S(a) had one cause. Another is "S(p) is positive, so the model prefers frequent classes": the hits alone make S(p) positive wherever S(a) is.

# %% [markdown]
# ## Undo the attenuation


# %% exercise="attenuation"
def disattenuated(frequency, measured, pictures):
    noise = (measured * (1 - measured)).mean() / (pictures - 1)
    reliability = 1 - noise / measured.var(ddof=1)
    return bias.spearman(frequency, measured) / np.sqrt(reliability)


observer = Observer.trained_on(frequency, prior=0.1, knowledge=0.3)
many = [bias.per_class(*observer.answers(5, s), 60)[0] for s in range(200)]
print(
    f"raw, mean of 200 test sets {np.mean([spearman(frequency, a) for a in many]):.2f}"
)
each = [disattenuated(frequency, a, 5) for a in many]
print(f"corrected {np.mean(each):.2f}, with standard deviation {np.std(each):.2f}")
print(f"truth {measuring.exact(frequency, observer)[0]:.2f}")

# %% [markdown]
# The correction removes the loss on average, not the noise: a single corrected test set still lands on either side of the truth, as the standard deviation shows. Typical mistakes: the measured variance put in the place of the true one, so that noise is counted twice; $R$ without its root; $n$ in place of $n-1$, which makes the noise too small.

# %% [markdown]
# ## A paired interval


# %% exercise="paired-interval"
def paired_interval(a, b):
    d = np.asarray(a) - np.asarray(b)
    half = stats.t.ppf(0.975, len(d) - 1) * d.std(ddof=1) / np.sqrt(len(d))
    return d.mean() - half, d.mean() + half


s_p = {
    m: [r.metrics["spearman_predictions"] for r in found]
    for m, found in runs.items()
}
low, high = paired_interval(s_p["sl"], s_p["clip-title"])
print(
    f"S(p) of SL less that of CLIP on titles, three seeds: [{low:.2f}, {high:.2f}]"
)

# %% [markdown]
# Differences first, then their spread: what a seed does to both methods drops out. Typical mistakes: adding the two variances, as for independent samples; 1.96 in place of Student's quantile; `std` without `ddof=1`; no division by $\sqrt n$, which describes single seeds and not their mean.

# %% [markdown]
# ## The tail that was not there

# %% exercise="tail"
table = tables["sl"].reset_index(drop=True)
ranked = table.sort_values("frequency", ascending=False).reset_index()
claimed = table.accuracy[ranked.tail(10).index].mean()
tenth = table.frequency.nsmallest(10).max()
tail_accuracy = table.accuracy[table.frequency <= tenth].mean()
print(f"claimed {claimed:.3f}, right {tail_accuracy:.3f}")

# %% [markdown]
# `reset_index` moved the class ids into a column called `index` and left positions in their place. Staying inside one table (`ranked.tail(10).accuracy`) makes that mistake impossible. It still cuts through classes with equally many pictures, so a stable and an unstable sort report different tails; a limit on frequency does not.

# %% [markdown]
# ## Without the top


# %% exercise="without-top"
def without_top(frequency, values, k):
    kept = np.argsort(frequency)[: len(frequency) - k]
    return stats.spearmanr(frequency[kept], values[kept]).statistic


# %% [markdown]
# `[:-k]` is the shorter way to write it, and is wrong for $k = 0$: it keeps nothing. Typical mistakes: leaving out the classes with the largest *values*, which removes the bias that is to be measured; leaving out the first $k$ rows of a table that was not sorted.
