# %% [markdown]
# # Solutions: self-distillation
#
# One possible answer to each exercise of {doc}`../12_dino`.

# %% [markdown]
# ## Targets by centring


# %% exercise="centering"
def centering(cosines, center, temperature, momentum):
    targets = ((cosines - center) / temperature).softmax(1)
    return targets, momentum * center + (1 - momentum) * cosines.mean(0)


# %% [markdown]
# The order matters in two places. The center is of cosines, so it is subtracted before the division. And a step uses the center of the steps *before*: its own batch moves the center afterwards. With the new center, a batch would balance itself a little, which is a step towards Sinkhorn-Knopp.

# %% [markdown]
# ## Two prototypes

# %% exercise="two-prototypes"
from scipy import optimize, special

g = np.random.default_rng(11).normal(1, 2, 100)
d = optimize.brentq(lambda x: special.expit(g - x).mean() - 0.5, -20, 20)
print(f"d = {d:.3f}; mean of g {g.mean():.3f}, median {np.median(g):.3f}")

# %% [markdown]
# The mean of the logistic function of $g - d$ is to be 1/2. For sharp targets the logistic function becomes a step, and $d$ the *median* of $g$. For soft ones it becomes linear, and $d$ the *mean*. These are limits: in between, as here, $d$ may lie outside of the two. So centring is the soft limit of Sinkhorn-Knopp, with a running mean in the place of the batch's. They differ the more, the sharper the teacher.

# %% [markdown]
# ## Predict a collapse

# %% exercise="collapse"
guess = 1

# %% [markdown]
# One is the natural guess: a target that is the same for all pictures is the easiest to agree on. The page shows that training ended with a few prototypes. It stops once agreement is good enough: where the plane is divided into few large regions, two crops of a point almost always lie in the same one.

# %% [markdown]
# ## Predict the control

# %% exercise="control"
guess = 0.3

# %% [markdown]
# Labels of 60 concepts help a tower with concepts that it has not seen, since shapes are shared. The page shows how much. A number such as 24 % means little before one knows what random features and a tower with labels give.

# %% [markdown]
# ## Twice the seeds

# %% exercise="seeds"
ratio = distillation.detectable(1, 10) / distillation.detectable(1, 5)
print(f"{ratio:.2f}")

# %% [markdown]
# It is smaller than $1/\sqrt 2 = 0.71$: with few seeds the spread itself is hardly known, and Student's t pays for that. From twenty seeds on, the root law is a good guess.

# %% [markdown]
# ## Damage before cure

# %% exercise="damage"
answer = (
    "The long tail did no damage that could be seen: after it, features transfer about as "
    "well as after a flat profile. So there was nothing to repair, and a remedy without a "
    "gain is no surprise. The tail is one of concepts, and DINO sees shapes, which rare "
    "concepts share with frequent ones. One would deal the frequencies to clusters of "
    "appearance, check that this hurts the features, and compare draws then."
)

# %% [markdown]
# The typical mistake is to read a null as a reversal: *no gain was seen* is not *it does harm*, and neither is *the paper is wrong*. What these runs do exclude is a large gain under their own conditions.
