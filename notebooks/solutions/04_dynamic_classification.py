# %% [markdown]
# # Solutions: is it the vocabulary?
#
# To the exercises of {doc}`../04_dynamic_classification`. Try them there first.
#
# ## Count instead of calculating


# %% exercise="simulated-presence"
def simulated_presence(prior, m, draws):
    labels = torch.multinomial(prior.expand(draws, -1), m, replacement=True)
    present = F.one_hot(labels, len(prior)).bool().any(dim=1)
    others = labels[:, :1] != torch.arange(len(prior))
    return (present & others).sum(dim=0) / others.sum(dim=0)


# %% [markdown]
# The condition is the point. The picture that is asked about is always present itself, so groups whose first picture is of class $c$ say nothing of the chance that another one brings $c$. Who keeps them finds $1 - (1 - p_c)^m$. Who sums the one-hot labels without asking whether there is any finds the expected count, which can exceed 1.
#
# ## What does a batch of 128 leave?

# %% exercise="share-of-128"
share_of_128 = 0.5

# %% [markdown]
# One admissible guess among others. About half of the classes are present, so it is tempting to say a half. But which classes are missing matters as well: the frequent ones are always there and keep their prior, the rare ones lose most of theirs.
#
# ## Presence or count

# %% exercise="presence-or-count"
explanation = """
As batches grow, more and more classes are always present, and a class that is always
present keeps its prior: the share left by presence rises towards all of it. The count of
a class stays proportional to its frequency in every batch, so counting leaves nothing at
any size. CLIP's loss has a term for each wrong caption, and so it counts. A large batch
therefore need not make CLIP more biased.
"""

# %% [markdown]
# The colleague's first sentence is the paper's reading. The second follows from it correctly, which makes it a good test: if presence were the cause, CLIP's large batches should hurt. A frequent mistake is to say that larger batches leave *less* by counting; they leave nothing at any size, as the expected count is proportional to the prior whatever the batch.
#
# ## Four runs in order

# %% exercise="order-of-bias"
order_of_bias = ["uniform 24", "frequency 24", "in-batch 32", "in-batch 8"]

# %% [markdown]
# This is the order of the share left. Filling up adds classes, so both drawn vocabularies leave more than the 32 pictures' own classes; uniform draws favour rare classes over the prior, so that rare ones are pushed down as often as frequent ones.
#
# ## Shift it after training

# %% exercise="after-training"
named = (logits - prior.log().numpy()).argmax(axis=1)
after = spearman(data.frequency, np.bincount(named, minlength=C))
print(f"{full.metrics['spearman_predictions']:.2f} before, {after:.2f} after")

# %% [markdown]
# A shift of the full size, put in after training, takes nearly all of the bias in predictions away, in this run. So features that fit frequent classes better do not make S(p) on their own. What the vocabularies lacked was the size of the shift.
#
# Two typical mistakes: adding the log prior, which is right in training (balanced softmax) and wrong after it; and subtracting the prior without its logarithm, which moves next to nothing.
#
# ## Get the prior back


# %% exercise="corrected-loss"
def corrected_loss(logits, labels, vocabulary, included):
    shifted = logits - included.log() + vocabulary.log()
    return F.cross_entropy(shifted, labels)


# %% [markdown]
# The softmax over $A$ must be proportional to $p(c \mid x) / \pi_c$ for every class of $A$. If $f_c = \log p(c \mid x)$, that is $f_c - \log \pi_c$. Adding $\log \pi_c$ moves the optimum a second time.
#
# The subtle mistake leaves the own class uncorrected, because it is in the vocabulary for sure. That is what one does to estimate the *sum* of the full softmax from a sample, and what {cite:t}`khrylchenko2025` point out; as the posterior given $A$, it is not exact. Whoever builds search engines wants this correction: popular items should win. Whoever wants balance leaves it out. A bias is a bug or a remedy, depending on the task.
