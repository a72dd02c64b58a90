# %% [markdown]
# # Solutions: extreme tails
#
# To the exercises of {doc}`../11_extreme_tails`. Try them there first.
#
# ## The step of a prototype


# %% exercise="prototype-gradient"
def prototype_gradient(features, labels, prototypes, scale):
    p = (scale * features @ prototypes.T).softmax(dim=1)
    of_logits = p - F.one_hot(labels, len(prototypes))
    return scale * of_logits.T @ features / len(features)


# %% [markdown]
# The gradient by the logits is softmax minus one-hot. Each logit is $s\, f^\top w_c$, so its derivative by $w_c$ is $s f$. A matrix product sums over pictures.
#
# The row of an absent class is $\frac{s}{N} \sum_n p_{nu} f_n$: a weighted sum of features in which every weight is positive. With nearly equal weights it points along the mean feature, and is the same for all absent classes. Typical mistakes: the scale left out, the sum in the place of the mean, and the sign of the step in the place of that of the gradient.
#
# ## One shot under a full softmax

# %% exercise="one-shot"
N_pictures = (frequency + absent).sum()
pull_of_one = (1 / N_pictures) * (1 - 1 / C)
push_of_one = (1 - 1 / N_pictures) * (1 / C)
one_shot = push_of_one / pull_of_one
print(f"{N_pictures} pictures, {C} classes: push over pull is {one_shot:.1f}")

# %% [markdown]
# One picture pulls and nearly all the others push. The class is rarer than the average class by about this factor. With draws by frequency a rare class is a rare negative as well, and the two forces are of one order. So one shot should change little for the full softmax: one shot is nearly zero. {numref}`fig-extreme-shots` shows what training makes of it; compare filled with hollow markers.
#
# A simulation gives nearly the same. It has to draw many batches: one picture in so many turns up seldom, and with few batches the ratio can be far off.
#
# ## Who finds the absent?

# %% exercise="order-of-laws"
order_of_laws = ["by frequency", "uniform", "full softmax"]

# %% [markdown]
# The order of the chance to be in the vocabulary, from never to always. Nobody can be sure that draws by frequency find anything: that needs prototypes that stand in the right place.
#
# ## Without the push

# %% exercise="without-push"
without_push = 0.0

# %% [markdown]
# Random directions in 128 dimensions are nearly at right angles, with cosines of about $1/\sqrt{128}$ up and down around 0. Nothing moves an absent prototype: no logit of its own is in the loss. (Weight decay only shortens it, and the head normalises.) Who expects a negative value thinks of the seen classes, which push each other apart.
#
# ## The best lift


# %% exercise="best-lift"
def best_lift(cosines, labels, absent, lifts):
    def harmonic(lift):
        right = (cosines + np.where(absent, lift, 0)).argmax(axis=1) == labels
        each = np.bincount(labels, right) / np.bincount(labels)
        a, b = each[~absent].mean(), each[absent].mean()
        return 2 * a * b / (a + b) if a + b else 0.0

    return max(lifts, key=harmonic)


# %% [markdown]
# The harmonic mean is small when either accuracy is small, so no method can win it by naming one kind of class only. The arithmetic mean allows that. The accuracy over all classes favours the kind that has more of them, here the seen one. Pooling pictures favours classes that have many.
#
# In real use the lift is chosen on other pictures than those that it is judged by.
#
# ## Twice as much?

# %% exercise="blind-or-outvoted"
explanation = """
Among the absent classes alone, the full softmax is right far above chance, and only a few
hundredths less often than the vocabulary. So its features know nearly as much. The lift
agrees: one number added to the logits of absent classes brings the full softmax to the
same accuracy on them. The push has spoiled mainly whether an absent class is named, and
only a little which one.
"""

# %% [markdown]
# The colleague reads a decision as knowledge. An accuracy over seen and absent classes together is both: what features tell, and where the threshold between the two kinds lies. The opposite mistake is as frequent: to conclude that the vocabulary is worth nothing. A lift has to be chosen, and the vocabulary is somewhat better among absent classes, too.
