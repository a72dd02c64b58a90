# %% [markdown]
# # Solutions: Open-world concepts
#
# Back to the lesson: {doc}`../09_open_world`. Each cell replaces the stub of the same name there.
#
# ## no-negatives


# %% exercise="no-negatives"
def no_negatives(logits, is_core):
    apart = is_core[:, None] != is_core  # bool [B, B]: pairs of two kinds
    masked = logits.masked_fill(apart, -torch.inf)
    return clip_loss(masked, torch.ones(len(logits), dtype=bool))


# %% [markdown]
# A logit of minus infinity has the probability 0 and no gradient. The mask is symmetric, so it serves both directions. A logit of 0 is no mask: $\exp(0) = 1$ still stands in the sum. Averaging the losses of the two blocks gives both kinds the same weight, whatever their number; the mean over all pairs does not.
#
# With this loss the two kinds share the towers and nothing else. Training with it, with *others as negatives alone*, and with CLIP's own loss would separate mechanism 1 from mechanisms 2 and 3.
#
# ## core-negatives

# %% exercise="core-negatives"
core_negatives = (B - 1) * (N - 1) / (5 * N - 1)
print(f"{core_negatives:.1f}, against {B - 1} without others")

# %% [markdown]
# The picture itself is given; the other B - 1 pairs are drawn from all that are left. A fifth of the core negatives remains. Among them, head concepts still have the largest part: others dilute the core, they do not make it flatter.
#
# ## controls

# %% exercise="controls"
controls = ("control", "data", "steps")

# %% [markdown]
# (1) speaks of views: only the control shows each core picture as often as *same steps* does. (2) speaks of pairs to collect: at *same data* core pictures are exchanged for others. (3) speaks of steps to spend, and does not ask why it works, so it needs no control.
#
# ## lower-by

# %% exercise="lower-by"
lower_by = 0.1

# %% [markdown]
# Any number from -1 to 1 is a prediction. The lesson prints what was measured, seed by seed. If seeds differ by more than the effect, that is the more important result.
#
# ## memorising

# %% exercise="memorising"
memorising = (
    "I train the core with as many others, and its control with half the "
    "batch and no others, so that core pictures a batch and views are "
    "held. What varies is how often each core picture is shown: 4, 8, 16 "
    "and 32 times, with five seeds or more. If memorising is the reason, "
    "the effect of others on S(a) is there at few views and becomes "
    "smaller as the pictures are known by heart, with intervals around "
    "zero at 32. An effect that stays the same at all views would speak "
    "against it."
)

# %% [markdown]
# Two things are easily forgotten. The control must change with the views, too, since S(a) itself changes with them. And the accuracy on the *training* pictures should be measured beside it: if they are not known by heart at 32 views, the test says nothing about memorising.
