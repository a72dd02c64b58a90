# %% [markdown]
# # Solutions: CLIP against supervised learning
#
# One possible answer to each exercise of {doc}`../03_clip_against_supervised`.

# %% [markdown]
# ## CLIP's loss without captions


# %% exercise="counted-loss"
def counted_loss(image, w, labels, scale):
    logits = scale * image @ w.T  # [B, C]
    counts = torch.bincount(labels, minlength=len(w))
    own = logits[torch.arange(len(labels)), labels]
    return ((logits + counts.log()).logsumexp(1) - own).mean()


# %% [markdown]
# The denominator has one term for each caption, so a class with $n_c$ captions has $n_c$ equal terms. The logarithm of 0 is $-\infty$, which takes absent classes out.
#
# The numerator has one term only: the picture's *own* caption. `F.cross_entropy(logits + counts.log(), labels)` would put $\log n_y$ into the numerator, too. That is balanced softmax. The two losses differ by the mean of $\log n_y$, which does not depend on the model: the gradient is the same, and the least loss is 0 for balanced softmax and the mean of $\log n_y$ for InfoNCE.

# %% [markdown]
# ## Predict the classifier that is given the counts

# %% exercise="told-the-counts"
guess = 0.5

# %% [markdown]
# Any number from -1 to 1 is a prediction. Whoever believes the derivation says about 0.3, as for CLIP on templates, or even 0, as for the best solution. Whoever thinks of memory says more: the classifier is right on nearly all of its training drawings, and a term that it can compensate for there changes less on new ones. The page shows what was measured, and that three seeds of this size say less than five recorded ones.

# %% [markdown]
# ## Is the gap wider in S(p)?

# %% exercise="wider"
by_seed = wide.loc["sl"] - wide.loc["clip-title"]
wider = paired_difference(by_seed["S(p)"], by_seed["S(a)"])
print(wider)

# %% [markdown]
# For each seed there are two gaps; their difference is one number a seed, and these three numbers have a mean and an interval. Two separate intervals, one for each gap, would not answer the question: both gaps of a seed share the permutation of frequencies, and what they share drops out of the difference.

# %% [markdown]
# ## Head, middle and tail by hand


# %% exercise="thirds"
def head_mid_tail(frequency, accuracy):
    order = np.argsort(-frequency, kind="stable")
    return [accuracy[part].mean() for part in np.array_split(order, 3)]


# %% [markdown]
# `np.array_split` gives the first parts one more where the number does not divide. The sort must be stable, or classes of equal frequency change their places from one version of numpy to another, and with them the groups. A third of the *classes* is not a third of the *pictures*: in a long tail, the most frequent third of the classes has most of the pictures.

# %% [markdown]
# ## Predict what a better question does

# %% exercise="ensemble"
guess = 0.45

# %% [markdown]
# A prediction above 0.38 is a reasonable one: the text tower has read all of these titles, and their mean is nearer to what it learnt about the concept than one of them. The question helps most where a concept has many titles, and that is where it has many drawings. The page shows that accuracy in the head rises most.
#
# Did the new question use the answers? No: the titles are those of training drawings, and test drawings were not looked at. But it uses the classes of training drawings, which a zero-shot classifier should not need.

# %% [markdown]
# ## The best solution and the trained one

# %% exercise="memory"
answer = (
    "The loss is measured on training drawings, and there the model can be nearly perfect "
    "by knowing them by heart, even those of the tail. The best solution, which leaves the "
    "prior out, is one for all drawings that could be shown. A handful of rare drawings does "
    "not fix it, so on new drawings of the tail the model names frequent concepts instead."
)

# %% [markdown]
# The typical mistake is to read a small loss as a proof that the best solution was found. A loss on training drawings near its floor says that these were learnt. What the model does elsewhere is not in it.
