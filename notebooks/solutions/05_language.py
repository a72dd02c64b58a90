# %% [markdown]
# # Solutions: language as supervision
#
# To the exercises of {doc}`../05_language`. Try them there first.
#
# ## Silence

# %% exercise="silence"
tagged = np.array([bool(TAIL.tags[picture]) for picture in drawn.image_ids])
tags = [[", ".join(TAIL.tags[picture])] for picture in drawn.image_ids[tagged]]
about_class = bits(tags, drawn.labels[tagged])["about the class"]
everybody = bits(captions_of("tags"), drawn.labels)["about the class"]
print(
    f"all {everybody:.2f}, with tags ({tagged.mean():.0%}) {about_class:.2f} bits"
)

# %% [markdown]
# Silence is part of it, and the smaller one. Even where there are tags, they tell less than half of what titles tell of the class: the commonest tags of icons are words of style. Who takes $H(T)$ of the tags counts what they tell of the drawing as well.
#
# ## The floor of a batch


# %% exercise="batch-floor"
def batch_floor(texts):
    count = Counter(texts)
    return np.mean([np.log(count[text]) for text in texts])


# %% [markdown]
# The loss is a mean over pictures, so a caption that occurs $n$ times counts $n$ times. The mean over *different* captions is too low, and the log of the mean number is too high or too low, as the log is not linear.
#
# ## What will nuisances do?

# %% exercise="nuisances"
accuracy_with_nuisances = 0.3

# %% [markdown]
# One admissible guess among others. Most people guess too high: the captions contain the titles, and nothing false.
#
# ## A lower loss, a worse classifier

# %% exercise="lower-loss"
explanation = """
With descriptions of size and ink nearly every caption of a batch is different, so the
floor of the loss is low, and the nuisances are easy to match to a picture. The image
tower learnt to tell drawings apart by appearance, and less by their concept. Each kind
of caption is another task with a floor of its own, so to compare their losses says
nothing about which features classify better.
"""

# %% [markdown]
# The typical half answer is "overfitting". The training pictures are matched well, and unseen ones would be, too: appearance generalises. It is the wrong thing that generalises.
#
# ## Which difference stays?

# %% exercise="features-alone"
difference = 0.1

# %% [markdown]
# One admissible guess. A guess of 0 is a good hypothesis: if titles were balanced only because they are asked badly, features would show no difference. The lesson's table says otherwise.
#
# ## Yours


# %% exercise="my-caption"
def my_caption(drawing):
    return f"{drawing['title']}, {drawing['look']} {drawing['name']}"


# %% [markdown]
# One example: title, look and name. It adds at most one bit about the drawing, `solid` or `line`, and only where the title does not tell it already. A guess before training: the floor falls a little, as some equal captions become different, and accuracy changes little in either direction, because the look is a nuisance that the name keeps in check. Check it with `own_captions.train_on(my_caption, runs["title"]).metrics`.
#
# Typical mistakes: joining tags alone, which is silent for a third of the drawings, and returning the tuple of tags in place of a text.
