# %% [markdown]
# # Solutions: Open models
#
# One possible answer to each exercise of {doc}`../13_open_models`.

# %% [markdown]
# ## When the test set is not balanced


# %% exercise="unequal"
def balanced_bias(confusion, frequency):
    shares = confusion / confusion.sum(1, keepdims=True)
    columns = shares.diagonal(), shares.sum(0)
    return tuple(spearman(frequency, each) for each in columns)


often = (20 * frequency / frequency.mean()).round().astype(int).clip(1)
unequal = confusions["clip-title"] * often[:, None]
balanced = bias(confusions["clip-title"], frequency)
print(f"balanced test set: S(p) {balanced[1]:.2f}")
print(f"shown as often as trained on: {bias(unequal, frequency)[1]:.2f}")
print(f"the same, rows divided: {balanced_bias(unequal, frequency)[1]:.2f}")

# %% [markdown]
# A column sum counts pictures. If frequent classes have more test pictures, as they have in a test set that was sampled like the training data, even a model that makes no mistake names frequent classes more often. So divide each row by its sum before anything is added. S(a) is not touched: accuracy divides by the row sum in any case.
#
# Typical mistakes: raw column sums; column sums divided by the pictures of the class that is *named*, although the answers come from pictures of all classes; and the diagonal over the column sums, which is how often an answer is right when it is given.

# %% [markdown]
# ## Ten classes

# %% exercise="ten-classes"
guess = 0.6

# %% [markdown]
# Any number from 0 to 1 is a prediction. A rule of thumb is $1.96 / \sqrt{C - 1}$, which the page prints beside the simulation. It is good for a thousand classes, and nearly right for ten. With ten classes, a correlation that would be called strong anywhere else is within what chance gives.

# %% [markdown]
# ## A falling line

# %% exercise="falling"
explanation = """
If two models differed only in how much they prefer frequent classes, right and
wrong answers would both go to frequent classes more often in one of them, and S(a)
and S(p) would rise together. Where S(p) is lower although S(a) is higher, wrong
answers must name rare classes more often, or frequent ones less often. Take the
column sums of each confusion matrix without its diagonal, and correlate them with
frequency.
"""

# %% [markdown]
# "As a rule", because rank correlations do not add up: the ranks of a sum are not the sum of ranks. With covariances in their place the statement is exact. With $x$ for the ranks of frequency, $\operatorname{cov}(x, p) = n \operatorname{cov}(x, a) + \operatorname{cov}(x, f)$. If the left side falls while the first term on the right rises, the second must fall.
#
# A frequent mistake is to conclude that the model with the lower S(p) is the less biased one. Its predictions follow frequency less, and its accuracy follows frequency more. Two numbers answer two questions.

# %% [markdown]
# ## Sure of the sign

# %% exercise="sure-sign"
least_r = np.sqrt(1 - 0.34**2)
others = np.triu_indices(6, 1)
close = [
    (i, j) for i, j in zip(*others, strict=True) if matrix.iloc[i, j] > least_r
]
named = [" and ".join(open_models.title(sets[k]) for k in pair) for pair in close]
print(f"r above {least_r:.2f}: {'; '.join(named)}")

# %% [markdown]
# The lower limit is 0 where $r S = \sqrt{(1 - r^2)(1 - S^2)}$. Square both sides: $r^2 S^2 = 1 - r^2 - S^2 + r^2 S^2$, so $r^2 = 1 - S^2$. Only sets that were made from the same crawl in the same way are as close as that. Even CC-12M and LAION-400M, whose correlation is .93, are not. The smaller S is, the closer the files have to be. For a correlation that is known to come through attenuation alone, any positive $r$ would do; that is what the assumption buys.

# %% [markdown]
# ## All captions or labelled ones?

# %% exercise="all-captions"
found = web.correlations.set_index(["concept_set", "first", "second"])["spearman"]
of_two = found.loc[("imagenet", "yfcc15m", "yfcc15m_cls_imagenet_ori")]
expected = judged_by(of_two, theirs.loc["yfcc15m", "S(a)"])
by_all_captions = [expected["predicted"], expected["lowest"]]
print("expected {:.2f}, at least {:.2f}".format(*by_all_captions))

# %% [markdown]
# About a quarter less, if the subset's counts are the truth and all captions only echo them. But which of the two is the truth? The model learnt from all captions. If *their* counts are what matters, the labelled subset's were the echo, and S(a) by all captions is larger. One evaluation decides between the two, and you can run it.
#
# Typical mistakes: to divide by $r$, which undoes an attenuation instead of adding one, and to multiply by $r^2$, which is a share of variance.

# %% [markdown]
# ## Predict the slip

# %% exercise="slip"
guess = 0.0

# %% [markdown]
# Frequencies were dealt at random, so the frequency of the concept before says nothing about this one, and S(p) falls to what chance gives. Who predicts .3 or so thinks of ImageNet, rightly: there the class before is a relative, and its frequency says something. The page prints how much.
