# %% [markdown]
# # Solutions: Your own study
#
# To the exercises of {doc}`../15_your_own_study`.

# %% [markdown]
# ## Seeds needed


# %% exercise="seeds-needed"
def seeds_needed(sd, smallest):
    n = 2
    while exact_power(smallest, sd, n) < 0.8:
        n += 1
    return n


for sd in (0.02, 0.025, 0.05, 0.1):
    print(f"sd {sd}: {seeds_needed(sd, claim['smallest'])} seeds")

# %% [markdown]
# Only the ratio of the two arguments matters. Twice the spread asks for more than three times the seeds. Typical mistakes: as many seeds as make the interval's half width equal to the effect, which finds it in half of the studies; the formula with normal quantiles, which is for many seeds and gives too few; a factor of 2 for two independent groups, which pairing saves.

# %% [markdown]
# ## A lock that survives new formatting


# %% exercise="digest"
def digest_of(claim):
    canonical = json.dumps(claim, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


backwards = dict(reversed(claim.items()))
print(
    digest_of(claim) == digest_of(backwards),
    json.dumps(claim) == json.dumps(backwards),
)

# %% [markdown]
# A dictionary remembers the order in which it was filled, so `str(claim)` and plain `json.dumps(claim)` differ for equal claims. Sorted keys and fixed separators leave one text for one content. Python's own `hash` will not do: it changes from one start of Python to the next.

# %% [markdown]
# ## Commit to a number

# %% exercise="effect"
fall = 0.08

# %% [markdown]
# The pilot shows a fall of about this size, but a pilot is one draw. Any number from -1 to 1 is kept; what counts is that it was said before.

# %% [markdown]
# ## A verdict


# %% exercise="verdict"
def verdict(low, estimate, high, smallest):
    if low > 0 and estimate >= smallest:
        return "supported"
    if high < 0:
        return "reversed"
    return "absent" if high < smallest else "undecided"


# %% [markdown]
# The order of the questions matters: an interval below zero is also below the smallest effect, so *reversed* is asked before *absent*. Typical mistakes: calling everything above zero supported, however small it is; calling an interval around zero a reversal; calling every interval around zero absent, even if it reaches far beyond the smallest effect.

# %% [markdown]
# ## Once more, with other seeds

# %% exercise="replication"
second_verdict = "undecided"
again = evidence.verdicts("dynamic_classification", seeds=range(5, 10))
print(*(v.effect for v in again if v.claim.id == "vocabulary-raises-accuracy"))

# %% [markdown]
# The first interval only just excludes zero, and its estimate is only just above the smallest effect. A true effect of that size would be supported in fewer than half of all repetitions. The new interval includes zero and the smallest effect: the claim is neither refuted nor reversed.

# %% [markdown]
# ## The price of peeking


# %% exercise="false-alarm-rate"
def false_alarm_rate(peeks):
    d = np.random.default_rng(1).normal(size=(20_000, max(peeks)))
    alarmed = np.zeros(len(d), bool)
    for n in peeks:
        half = stats.t.ppf(0.975, n - 1) * d[:, :n].std(1, ddof=1) / np.sqrt(n)
        alarmed |= np.abs(d[:, :n].mean(1)) > half
    return alarmed.mean()


for peeks in ([5], [5, 10], [3, 4, 5], list(range(3, 11)), list(range(2, 21))):
    print(f"{str(peeks)[:30]:32s} {false_alarm_rate(peeks):.3f}")

# %% [markdown]
# One look keeps its 5 %. Each further look adds to it, although less and less, since the looks share most of their seeds. Typical mistakes: fresh seeds for every look; the last look only; one side only; 1.96 in place of Student's quantile, which is far too small for three seeds.

# %% [markdown]
# ## Why peeking inflates errors

# %% exercise="peeking"
explanation = """
Every look is another chance to exclude zero by accident, and whoever stops at the first
success keeps the best of all looks, so the rate grows with their number. It is smaller
than for independent studies because a later look contains the seeds of the earlier ones.
The claim fixed the number of seeds before the runs, so there is one look, at the end.
"""

# %% [markdown]
# Stopping rules that allow several looks exist: they make the interval of each look wider, so that all together keep 5 %. They must be in the claim, too.
