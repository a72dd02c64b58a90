# %% [markdown]
# # Solutions: Scale and text heads
#
# Back to the lesson: {doc}`../08_scale_and_text_heads`. Each cell replaces the stub of the same name there.
#
# ## keep


# %% exercise="keep"
def keep(frequency, fraction):
    share = (frequency * fraction).astype(int)  # rounds down
    return np.maximum(share, np.minimum(frequency, 1))


# %% [markdown]
# `np.minimum(frequency, 1)` is 1 where a class has any picture and 0 where it has none, so the larger of the two is the rule. Two typical mistakes: leaving out the floor, by which a class with fewer than eight pictures disappears from an eighth of the data; and a floor of 1 for all classes, by which a class without pictures gets one.
#
# The rule has a consequence. Every class with fewer than 16 pictures has one picture in 1/8 of the data. So a small fraction of a long tail is a flatter tail.
#
# ## share-left

# %% exercise="share-left"
share_left = 0.5

# %% [markdown]
# Any number from 0 to 1 is a prediction. 1 would say that steps do not matter, 0 that pictures do not. The lesson prints what is left.
#
# ## class-vectors


# %% exercise="class-vectors"
def class_vectors(text_features):
    unit = F.normalize(text_features, dim=2)  # each template counts alike
    return F.normalize(unit.mean(1), dim=1)


# %% [markdown]
# Without the first normalization, templates with long features decide the mean. Without the second, the vectors have different lengths: a class whose templates agree has a longer mean, and a logit that is not a cosine would favor it. This is how CLIP's own zero-shot classifier is made ({cite:t}`radford2021`, Sec. 3.1.4).
#
# ## confusion

# %% exercise="confusion"
confusion = []
for label in ("frozen", "scratch"):
    found = heads[label].arrays
    counts = np.zeros((C, C))
    np.add.at(counts, (found["labels"], found["predictions"]), 1)
    unit = found["prototypes"]
    unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
    pairs = ~np.eye(C, dtype=bool)
    both = pd.DataFrame({"cosine": (unit @ unit.T)[pairs], "count": counts[pairs]})
    confusion.append(both.corr("spearman").loc["cosine", "count"])
print(f"frozen {confusion[0]:.2f}, scratch {confusion[1]:.2f}")

# %% [markdown]
# Under both heads, classes with similar vectors are confused more often. For the head from scratch this is no surprise: it could move its vectors, and confusion is one reason for vectors to lie together. The frozen head's vectors were there before the student saw a picture. So there the similarity of the vectors is not a *result* of the student's confusions. It may still have a common cause with them: the teacher found the same pictures alike. With the diagonal left in, right answers stand beside a cosine of 1 and raise the correlation.
#
# ## fall

# %% exercise="fall"
fall = 0.1

# %% [markdown]
# Any number from -1 to 1 is a prediction. The table of counts is the reason for a positive one: under `incaps` no concept stays at one or two pictures.
#
# ## why

# %% exercise="why"
why = (
    "Accuracy grows where new pictures are. Under the steep profile the "
    "tail has one or two pictures at 1/8 and gets only a few more, while "
    "head concepts get hundreds: the distance grows, and S(a) rises. "
    "Under the flatter profile every rare concept gets dozens of "
    "pictures, and the head already has enough, so that more bring it "
    "less. The tail catches up, and S(a) falls."
)

# %% [markdown]
# The explanation is in line with both profiles, but two profiles differ in more than the least number of pictures. A test would move one number: the same profile with more and more pictures of the rarest third, at a fixed head.
