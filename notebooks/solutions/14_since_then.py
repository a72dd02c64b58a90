# %% [markdown]
# # Solutions: since then
#
# To the exercises of {doc}`../14_since_then`. Try them there first.
#
# ## The exponent of CLIP

# %% exercise="exponent-of-clip"
guess = 0.2

# %% [markdown]
# One admissible guess. Two arguments bracket it: if the prior were divided out, the exponent would be 0; if all of it stayed, 1. S(p) of CLIP is well above 0 in many runs, so a guess of exactly 0 is too bold. But a rank correlation is no size: a high S(p) is compatible with a small exponent.
#
# ## One recipe for both?

# %% exercise="one-recipe"
explanation = """
Logit adjustment subtracts the full log prior. This is right if the logits hold the
prior with an exponent of 1, as those of supervised learning about do. In CLIP the
exponent of predictions is small, since its loss has divided out nearly all of the
prior. Subtracting it again overcorrects: rare classes come out on top too often, and
S(p) turns negative.
"""

# %% [markdown]
# The table of section 4 shows it in its last row for CLIP. A frequent mistake is to say that the recipe merely "does nothing" to CLIP. It does much: it adds a bias of the other sign. Another one is to correct with $\alpha \log p_c$ for CLIP's small $\alpha$. That is more careful, but section 2 warns that CLIP's bias is not a constant on the logits, as its mean logits even fall with frequency.
#
# ## What a cap costs

# %% exercise="cap-of-20"
share = np.minimum(frequency, 20).sum() / frequency.sum()
print(f"kept: {share:.2f} of the pictures")
print(f"classes that lose none: {(frequency <= 20).mean():.2f}")

# %% [markdown]
# The two numbers answer two questions. Most classes lose nothing, and most pictures are lost, because the pictures are in the few large classes. Who leaves out all classes above the cap forgets that each of them keeps 20.
#
# ## When the test is not balanced


# %% exercise="label-free"
def label_free(log_p, shares):
    return log_p - log_p.exp().mean(0).log() + shares.log()


log_p = log_probabilities(runs["sl", 0])
labels = torch.from_numpy(runs["sl", 0].arrays["labels"]).long()
pictures = torch.tensor(runs["sl", 0].per_class["frequency"])
shares = pictures / pictures.sum()
chance = torch.Generator().manual_seed(0)
rows = torch.multinomial(shares[labels], 4_000, replacement=True, generator=chance)
for name, scores in {
    "as it is": log_p[rows],
    "as if balanced": label_free(log_p[rows], torch.ones(60) / 60),
    "shares known": label_free(log_p[rows], shares),
}.items():
    right = (scores.argmax(1) == labels[rows]).double().mean()
    print(f"{name}: accuracy {right:.2f} on a long-tailed test")

# %% [markdown]
# The test pictures were drawn anew in proportion to the training prior. Taking the average off as if the test were balanced removes something true, and accuracy falls. With the shares known, the same correction does not lose it (one run, one draw of the test). For each test there is a right prior, and the data without labels cannot say by themselves whether an unbalanced average is the model's fault or the world's. That is the assumption to name whenever a label-free correction is reported.
#
# Typical mistakes: the mean of logarithms in place of the logarithm of the mean; the mean over classes, which is the same for each picture and changes no ranking; and the sign of the shares.
