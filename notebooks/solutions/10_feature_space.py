# %% [markdown]
# # Solutions: Feature space
#
# One possible answer to each exercise of {doc}`../10_feature_space`.

# %% [markdown]
# ## The nearest instead of the mean


# %% exercise="nearest"
def nc2_nearest(vectors):
    v = vectors - vectors.mean(0)
    v = v / v.norm(dim=1, keepdim=True)
    apart = (v @ v.T + 1 / (len(v) - 1)).abs().fill_diagonal_(0)
    return apart.amax(1)


# %% [markdown]
# The diagonal must go, or each class finds itself. The absolute value matters where a class stands nearly opposite to another one: that is further from a simplex than a moderately near neighbour is. Without centring, what all class means share would be in every cosine.

# %% [markdown]
# ## Predict what centring the text does

# %% exercise="centred-text"
guess = 0.3

# %% [markdown]
# Any number from -1 to 1 is a prediction. Whoever expects that closing the gap changes nothing, says about 0.1. The page shows that the sign turns.

# %% [markdown]
# ## Why the halves pull against each other

# %% exercise="halves"
why = (
    "Subtracting the mean class vector takes the same number off all products of a "
    "picture, so it changes no answer. Only the step to length 1 does. Rare names "
    "lie near the mean, little is left of their vectors, and length 1 stretches "
    "them most, so they are named more often and S(p) falls. The mean picture has "
    "a larger product with rare names: it pushed every answer to the tail, and "
    "without it the prior of the head shows."
)

# %% [markdown]
# Write $w_c = m + r_c$ for a class vector. For a picture $f$, $f \cdot w_c = f \cdot m + f \cdot r_c$, and $f \cdot m$ is the same for all classes. So the largest product belongs to the same class with $w_c$ and with $r_c$. With $r_c / |r_c|$ it need not: the second table has $|r_c|$ growing with frequency. For the pictures, write $f = n + g$. Then $f \cdot w_c = n \cdot w_c + g \cdot w_c$, and $n \cdot w_c$ is one number a class, added for every picture. The second table has it falling with frequency.
#
# A tempting explanation is that both halves take away the same fault, and so change S(p) in the same direction. The table says otherwise.

# %% [markdown]
# ## What is left after nature


# %% exercise="partial"
def partial(a, b, given):
    ranks = [pd.Series(np.asarray(each)).rank() for each in (a, b, given)]
    (_, ab, ac), (_, _, bc), _ = np.corrcoef(ranks)
    return (ab - ac * bc) / np.sqrt((1 - ac**2) * (1 - bc**2))


for seed in SEEDS:
    counts = records["clip-title", seed].per_class["frequency"]
    plain = spearman(counts, near["clip frozen"])
    left = partial(near["clip frozen"], counts, natural[:C])
    print(f"seed {seed}: frozen head {plain:.2f}, given nature {left:.2f}")

# %% [markdown]
# The frozen head cannot know the deal, so the partial correlation should be zero up to chance, which is wide with 60 concepts. Rank first: Pearson's partial correlation of the counts themselves is decided by a few large ones. And take `given` out of both sides; out of one side only, the result is a semi-partial correlation.

# %% [markdown]
# ## Predict what one vector does

# %% exercise="one-mean"
guess = 0.4

# %% [markdown]
# Any number from -1 to 1 is a prediction. If names were crowded in the head among themselves, the correlation would survive. It does not.

# %% [markdown]
# ## The reading that cannot know

# %% exercise="reading"
reading = "mean cosine"

# %% [markdown]
# If the rows at length 1 have the mean zero, the sum of a row's cosines with all rows is zero, so its mean cosine with the others is $-1/(C-1)$ for every class. There is nothing left that could follow frequency, and yet before that point a rank correlation of the remainders stays as high as it was.
