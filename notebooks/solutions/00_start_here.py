# %% [markdown]
# # Solutions: a result in the first minutes
#
# For {doc}`../00_start_here`. Try each exercise before you read on.

# %% [markdown]
# ## guess

# %% exercise="guess"
guess = 0.5

# %% [markdown]
# Any number was admissible. 0.5 says: CLIP sees the same drawings, so something of the frequencies must come through, but its loss never asks it to choose among concepts. The lesson's figure shows that less than that came through in this run. Another seed gives another number, so be content if you were off by one or two tenths.

# %% [markdown]
# ## ties

# %% exercise="ties"
six = pd.DataFrame(
    {
        "drawings": [120, 45, 8, 8, 3, 1],
        "predictions": [27, 25, 32, 27, 27, 13],
    }
)
print(six.rank())
s_p_of_six = six.drawings.rank().corr(six.predictions.rank())
print(f"S(p) = {s_p_of_six:.2f}")

# %% [markdown]
# Two concepts have 8 drawings. They take up the ranks 3 and 4, so both get 3.5. Three concepts are predicted 27 times and take up the ranks 3, 4 and 5, so each gets 4.
#
# Typical mistakes: Pearson's correlation of the counts themselves is decided by the one concept with 120 drawings. Ranks by the order in the list give tied concepts different ranks, and then the result depends on how the list happened to be sorted. The textbook's short formula with the squared differences of ranks is exact only without ties.

# %% [markdown]
# ## tail-share


# %% exercise="tail-share"
def tail_share(frequency, predictions, n):
    rarest = np.argsort(np.asarray(frequency))[:n]
    predictions = np.asarray(predictions)
    return predictions[rarest].sum() / predictions.sum()


for method, table in tables.items():
    share = tail_share(table.frequency, table.predictions, 20)
    print(f"{style.LABELS[method]:<22} {share:.2f}")

# %% [markdown]
# `argsort` gives the places of the concepts from the rarest to the most frequent, and the first `n` of them are the tail. The classifier hardly ever predicts a rare concept. Both CLIPs do so much more often, though in less than a third of their answers.
#
# Typical mistakes: to take the last rows of the table as the tail, although the rows come in another order; to take the concepts that are predicted least, which are few by definition; to average instead of dividing by all predictions.

# %% [markdown]
# ## low-sp

# %% exercise="low-sp"
low_s_p = """
A model can fail on the most frequent concepts and predict them seldom, which
hides a bias among the others. I would leave the head out and compute S(p) again,
and look at the accuracy on the most frequent concepts. A model near chance has a
low S(p) as well, because its answers follow nothing; there I would look at the
accuracy first.
"""

# %% [markdown]
# S(p) describes the order of the numbers of predictions. It does not say whether the predictions are right. So read it beside accuracy, and ask on which concepts it rests. CLIP on titles is an example of the first way in this very lesson. The second way comes back in {doc}`../08_scale_and_text_heads`.
