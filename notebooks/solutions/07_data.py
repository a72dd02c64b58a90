# %% [markdown]
# # Solutions: the data
#
# The exercises are in {doc}`../07_data`.
#
# ## deal-once


# %% exercise="deal-once"
def deal_once(counts, supply, seed):
    key = np.random.default_rng(seed).permutation(len(supply))
    frequency, left = np.zeros_like(counts), np.ones(len(counts), bool)
    for count in counts:
        able = np.flatnonzero(left & (supply >= count))
        chosen = able[key[able].argmin()]
        frequency[chosen], left[chosen] = count, False
    return frequency


for seed in range(3):
    pair = [deal_once(counts[p], supply, seed) for p in ("incaps", "laionet")]
    print(f"seed {seed}: incaps and laionet {statistics.spearman(*pair):.2f}")

# %% [markdown]
# Only the few concepts that cannot fill their rank change place. This is an old trick, *common random numbers*: compare two systems on the same luck. Nothing in the drawings stands in the way of paired profiles, only the way the dice are thrown. Typical mistakes: to forget the supply, so that a concept gets more pictures than it has; to sort by supply, which makes the well-known concepts frequent and brings back the tie that a deal is to remove; to draw inside the loop.
#
# ## steeper

# %% exercise="steeper"
guess = 0.27

# %% [markdown]
# One admissible guess: the paper's own difference. Ours need not be equal to it. Frequencies are dealt here, while the paper's classes keep what the web gave them.
#
# ## by-luck


# %% exercise="by-luck"
def by_luck(frequency, values, shuffles=2000):
    generator = np.random.default_rng(0)
    a, b = (pd.Series(np.asarray(x)).rank().to_numpy() for x in (frequency, values))
    a, b = (a - a.mean()) / a.std(), (b - b.mean()) / b.std()
    found = abs(a @ b)
    far = [
        abs(generator.permutation(a) @ b) >= found - 1e-9 for _ in range(shuffles)
    ]
    return np.mean(far)


flat = levels["clip-title", "flat"].per_class
for p in ("incaps", "laionet"):
    print(f"{p}: p = {by_luck(sets[p].frequency, flat['accuracy']):.2f}")

# %% [markdown]
# Ranks are taken once, since shuffling moves them and does not change them. The test asks nothing of the distribution of the values. Typical mistakes: a one-sided comparison, which gives values near 1 for a clear negative correlation, and correlating the counts themselves, where a few large ones decide.
#
# ## shift-cost


# %% exercise="shift-cost"
def shift_cost(a):
    own = np.diag(a)
    others = (a.sum(0) - own) / (len(a) - 1)
    return (own - others).mean()


# %% [markdown]
# With two styles this is the lesson's formula. The typical mistakes are one row and one column. An easier style raises a whole column, and a better training set a whole row. Both drop out of the mean of the diagonal less the mean of the rest.
#
# ## same-treatment

# %% exercise="same-treatment"
treatment = """It does not contradict the paper. Two authors hardly raise the similarity
within a concept, but they cost accuracy and shift the style towards solid drawings, which
thresholds on captions do not. Another treatment was tested, and its null is its own."""

# %% [markdown]
# A treatment is judged by what it moved (the *manipulation check*), before its result is read. Here the property that it was meant to move has hardly moved. A typical mistake is to read a null as a refutation; another, to explain it away and to forget that it is one more result that does not support the claim.
