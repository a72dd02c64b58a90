# %% [markdown]
# # Solutions: CLIP in forty lines
#
# For {doc}`../01_clip_in_forty_lines`. Try each exercise before you read on.

# %% [markdown]
# ## infonce


# %% exercise="infonce"
def infonce(images, texts, scale):
    images = images / images.norm(dim=1, keepdim=True)
    texts = texts / texts.norm(dim=1, keepdim=True)
    logits = scale * images @ texts.T
    own = logits.diagonal()
    to_texts = (logits.logsumexp(1) - own).mean()
    to_images = (logits.logsumexp(0) - own).mean()
    return (to_texts + to_images) / 2


# %% [markdown]
# Minus the log of $\exp z_{ii} / \sum_j \exp z_{ij}$ is $\log \sum_j \exp z_{ij} - z_{ii}$. `logsumexp(1)` sums over titles, `logsumexp(0)` over drawings; the diagonal is the same for both. `logsumexp` subtracts the largest logit before it exponentiates, so that nothing overflows at a scale of 100.
#
# Typical mistakes: one direction alone, which trains, but lets a title be close to many drawings; features that are not normalised, so that a long vector wins against all others; dividing by the scale, which is the inverse of the temperature.

# %% [markdown]
# ## prototypes


# %% exercise="prototypes"
def prototypes(encoded, owner, classes):
    unit = F.normalize(encoded, dim=1)
    sums = torch.zeros(classes, unit.shape[1]).index_add(0, owner, unit)
    return F.normalize(sums, dim=1)


# %% [markdown]
# `index_add` adds each row to the row of its class. A sum will do in the place of the mean, for both point in the same direction, and the last line keeps nothing but the direction.
#
# Why normalise twice? Without the first time, a prompt with a long vector counts more than the others, although its length means nothing in this model. Without the second, a class whose prompts disagree gets a shorter vector, and so smaller logits with every drawing.

# %% [markdown]
# ## temperature

# %% exercise="temperature"
accuracy_at_one = 0.25

# %% [markdown]
# Any number was admissible. The reasoning behind this one: zero-shot classification ranks by cosine, so the scale does not matter in the test, and only what is learned differs. With logits between -1 and 1, all wrong titles have nearly the same weight in the gradient, whether they are close to the drawing or not. So the model still learns which drawings and titles belong together, and gets above chance easily. But it never concentrates on the titles that it confuses, which is where the last part of accuracy comes from.

# %% [markdown]
# ## pushed

# %% exercise="pushed"
why = """
In CLIP the wrong answers for a drawing are the titles of the other drawings in its
batch, and these come by frequency. A title of a frequent concept is pushed away from
other drawings about as often as it is pulled towards its own, so being close to
everything does not pay. In a classifier's softmax all 60 classes are wrong answers
for every drawing of another class, rare ones as often as frequent ones. But frequent
classes are right more often, so preferring them lowers the loss.
"""

# %% [markdown]
# In numbers: let a concept have a share $q$ of the drawings. In a batch of $B$ it has about $qB$ titles. A classifier's loss over all classes raises this class's logit for a share $q$ of the drawings and lowers it for the others, with a weight of the class's predicted probability; the balance is reached when the mean predicted probability is $q$. CLIP's loss divides the attention of a softmax over titles, of which a share $q$ are this concept's without any preference by the model. So the model need not add one. That is a statement about the best solution for the training set. It does not say what a model does with unseen drawings, and {doc}`../03_clip_against_supervised` goes on from here.
