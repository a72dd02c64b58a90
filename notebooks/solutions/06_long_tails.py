# %% [markdown]
# # Solutions: the long tail of the web
#
# The exercises are in {doc}`../06_long_tails`.
#
# ## gini

# %% exercise="gini"
two_ginis = [(-3 - 1 + 1 + 21) / (4 * 10), (-1 + 1 + 3 + 35) / (6 * 10)]

# %% [markdown]
# With two empty classes the weights become $-5, -3, -1, 1, 3, 5$, and the first two meet zeros. Only the Gini coefficient changes. An empty class has no share, so it moves neither the effective number nor the top-ten share, and the ratio looks at classes that occur. A Gini coefficient can therefore be compared only between sets that count the same classes.
#
# ## tent

# %% exercise="tent"
rare_tent = """The tent was counted under another name, 'mountain tent', which few
captions hold. Cardigan and corgi have the same count to the last digit, so one word
was counted for both classes: the list of names differs, and not the web."""

# %% [markdown]
# It seems that MetaCLIP's captions were counted with an older list of names. Hardly any of the ten differences is about the web: rare ones fall into place under WordNet's long names, and frequent ones under bare words such as *jay*, *kite* or *cricket*. So a part of what separates the correlation of LAION and MetaCLIP from 1 is about counting. Compare YFCC-15M with LAION-400M in the same way: bell towers and sundials against trench coats and dumbbells. Travel photographs against shop windows: that difference is real. A typical mistake is to explain each class by a story about the web, without asking whether the two columns measure the same thing.
#
# ## substring


# %% exercise="substring"
def by_substring(caption, names):
    return any(
        re.search(rf"(?<!\w){re.escape(name)}(?!\w)", caption, re.IGNORECASE)
        for name in names
    )


# %% [markdown]
# `(?<!\w)` and `(?!\w)` look at the neighbors without taking them in. `\b` says the same as long as a name begins and ends with a letter. The typical mistakes: `name in caption` finds a cat in every catalog; without `re.escape` the full stop of *St. Bernard* matches any character. The rule misses plurals (*T-shirts*) and other word orders, which the bag of lemmas finds.
#
# ## negative-words

# %% exercise="negative-words"
negative_words = "magnifying wine cocktail martini tumbler champagne hour sand water milk soda cup"

# %% [markdown]
# A few words do much, after somebody has looked. A bare *glass* passes every list. So does what was never found: negative words only remove, and a padlock that is called *lock* stays uncounted. The typical mistake is to add *glass*, which is the lemma of *glasses*.
#
# ## attenuation

# %% exercise="attenuation"
guess = 0.7

# %% [markdown]
# One admissible guess. The reason for it: if the errors of the count have nothing to do with the model, the correlation shrinks by about the correlation of counts and labels, so multiply the two printed numbers. A typical mistake is to expect no change, "because the errors average out". Errors in a mean do; errors in a variable that is correlated do not.
#
# ## threshold

# %% exercise="threshold"
parts = web.summary.loc[list(fractions)].sort_values("total")
size = web.summary.loc["laionet_thresh0.85_ori", "total"]
below_ten_at_random = np.interp(
    np.log(size), np.log(parts["total"]), parts["below_10"]
)
print(f"{below_ten_at_random:.1f} at random")
print(web.summary.loc["laionet_thresh0.85_ori", "below_10"], "at the threshold")

# %% [markdown]
# At this threshold, the tail loses no more than by chance. In numbers, the threshold costs it what a random loss of as many pictures would cost. (Classes change places all the same.) A typical mistake is to read the row of the threshold itself, the number that one is to compare *with*.
