"""The long tail in one file: classifiers name frequent classes too often, and CLIP does so less.

Three models learn from the same long-tailed drawings, with the same image tower, steps and order.
SL, a classifier, tells a drawing's class from all 60, SL-vocab from sampled vocabularies of 32;
CLIP tells the title that the author gave it from the other titles of the batch. Then all name test
drawings, equally many of each class. This re-makes, in a minute or two on one core, the first
result of "What Makes CLIP More Robust to Long-Tailed Pre-Training Data?" (arXiv 2405.21070):

    python one_file.py --data lt_course/data/resources/icontail.npz --seed 0 --figure out.png
"""

from __future__ import annotations

import argparse
import hashlib
import math
import re
import urllib.request
from collections import Counter
from pathlib import Path
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor, nn

URL: str | None = None  # where icontail.npz can be downloaded; it has no address yet
SHA256 = "f0b2fab08b8d57ef144c09cef0fb3b93cdc04630ec1aca9aa93bd5361cda9541"

CLASSES, PICTURES, GINI = 60, 4_500, 0.79  # the inequality of class counts in LAIONet
CONVOLUTIONS = (1, 32, 5, 2), (32, 64, 3, 2), (64, 64, 3, 1), (64, 128, 3, 2), (128, 128, 3, 1)
EMBEDDING = 128  # dimension of the space that both towers share
WIDTH, LAYERS, HEADS, CONTEXT = 64, 2, 2, 16  # of the text tower, and tokens of a title
BATCH, EPOCHS, LEARNING_RATE, WEIGHT_DECAY, WARMUP = 128, 6, 2e-3, 0.05, 0.05
SMALLEST_CROP = 0.9  # least area of the random crop: the paper's weak augmentation
MICRO_BATCH = 32  # pictures that share a vocabulary, which is the classes that a softmax sees
VOCABULARY = {"SL": CLASSES, "SL-vocab": 32}
LOOKS = {"SL": ("#0072B2", "o"), "SL-vocab": ("#D55E00", "s"), "CLIP": ("#009E73", "^")}

# Each use of chance has streams of its own, named by seed, purpose and step. So all methods see
# the same crops of the same pictures in the same order, whatever else they draw.
ORDER, AUGMENTATION, OBJECTIVE = 1, 4, 5


# ---- 1. Data: drawings, the titles that authors gave them, and their classes
class Drawings(NamedTuple):
    """Uint8 [N, 32, 32] (255 is paper), N titles, int64 [N] classes, bool [N] test drawings."""

    pictures: NDArray[np.uint8]
    titles: list[str]
    labels: NDArray[np.int64]
    test: NDArray[np.bool_]


def load(path: Path | None) -> Drawings:
    """Read IconTail from a file, or from the user's cache, where it is downloaded to once."""
    if path is None:
        path = Path.home() / ".cache" / "lt_course_one_file" / "icontail.npz"
        if URL is None and not path.exists():
            raise SystemExit("There is no address to download from: give --data icontail.npz.")
        if URL is not None and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            urllib.request.urlretrieve(URL, path.with_suffix(".part"))
            path.with_suffix(".part").replace(path)  # only when all of it is there
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise SystemExit(f"{path} is missing, damaged or not IconTail: its SHA-256 differs.")
    with np.load(path) as archive:
        titles = archive["titles"].tobytes().decode().split("\n")
        labels = archive["concept"].astype(np.int64)
        return Drawings(archive["pictures"], titles, labels, archive["test"])


# ---- 2. The long tail: log-normal frequencies, given to the classes at random
def frequencies() -> NDArray[np.int64]:
    """Pictures of each rank, int64 [C]: the quantiles of the log-normal law with that Gini."""
    rank = np.arange(CLASSES)
    normal = np.array([NormalDist().inv_cdf(1 - (r + 0.5) / CLASSES) for r in rank])
    low, high = 0.0, 20.0
    for _ in range(100):  # The Gini coefficient grows with sigma, so bisection finds it.
        sigma = (low + high) / 2
        weights = np.exp(sigma * normal)
        gini = ((CLASSES - 1 - 2 * rank) * weights).sum() / (CLASSES * weights.sum())
        low, high = (sigma, high) if gini < GINI else (low, sigma)
    share = 1 + (PICTURES - CLASSES) * weights / weights.sum()
    counts = np.floor(share).astype(np.int64)
    counts[np.argsort(counts - share, kind="stable")[: PICTURES - counts.sum()]] += 1
    return counts


def draw(data: Drawings, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Training drawings, int64 [N], and the frequency of each class, int64 [C]."""
    pools = [np.flatnonzero((data.labels == c) & ~data.test) for c in range(CLASSES)]
    available = np.array([len(pool) for pool in pools])
    frequency, chance = np.zeros_like(available), np.random.default_rng([seed, 0x10C])
    for count in frequencies():  # To any class that has so many: what is frequent may be hard.
        frequency[chance.choice(np.flatnonzero((frequency == 0) & (available >= count)))] = count
    pools = [np.random.default_rng([seed, 0xD4A, c]).permutation(p) for c, p in enumerate(pools)]
    return np.concatenate([p[:n] for p, n in zip(pools, frequency, strict=True)]), frequency


# ---- 3. What is shown: randomly cropped pictures, and titles as token ids
def generator(seed: int, purpose: int, step: int) -> torch.Generator:
    """The stream of chance of one step for one purpose."""
    high, low = np.random.SeedSequence([seed, purpose, step]).generate_state(2)
    return torch.Generator().manual_seed(int(high) << 32 | int(low))


def standardize(pictures: NDArray[np.uint8]) -> Tensor:
    """Grey levels to about unit variance, with paper at 0: float [B, 1, 32, 32]."""
    return (1 - torch.from_numpy(pictures).unsqueeze(1).float() / 255) * 2


def random_crop(pictures: Tensor, chance: torch.Generator) -> Tensor:
    """Crop and scale back. Nothing is mirrored: arrows and letters mean their direction."""
    B = len(pictures)
    side = (SMALLEST_CROP + (1 - SMALLEST_CROP) * torch.rand(B, generator=chance)).sqrt()
    center = (1 - side)[:, None] * (2 * torch.rand(B, 2, generator=chance) - 1)
    affine = torch.cat([side[:, None, None] * torch.eye(2), center[:, :, None]], dim=2)
    grid = F.affine_grid(affine, list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures, grid, align_corners=False)


def split(word: str) -> list[int]:
    """A word's own token, or those of its longest beginning that leaves a known end."""
    if word in TOKENS:
        return [TOKENS[word]]
    for n in range(len(word) - 1, 0, -1):
        if word[:n] + "-" in TOKENS and (end := split(word[n:])):
            return [TOKENS[word[:n] + "-"], *end]
    return []


def tokenize(title: str) -> list[int]:
    """Start, words and digits, end, padding: CONTEXT ids, of which the end's is the largest."""
    ids = [i for word in re.findall("[a-z]+|[0-9]", title.lower()) for i in split(word)]
    row = [len(TOKENS) + 1, *ids[: CONTEXT - 2], len(TOKENS) + 2]
    return row + [0] * (CONTEXT - len(row))


def usual_name(data: Drawings, label: int) -> str:
    """What authors call a class most often: by this name CLIP is asked for it in the test."""
    rows = np.flatnonzero((data.labels == label) & ~data.test)
    titles = Counter(data.titles[i] for i in rows)
    return min(titles, key=lambda title: (-titles[title], title))


# ---- 4. Towers: pictures or titles in, vectors out
def image_tower() -> nn.Sequential:
    """Five convolutions, of which three halve the resolution: float [B, 1, 32, 32] to [B, D]."""
    layers: list[nn.Module] = []
    for before, after, size, stride in CONVOLUTIONS:
        conv = nn.Conv2d(before, after, size, stride, padding=size // 2, bias=False)
        layers += [conv, nn.BatchNorm2d(after), nn.ReLU()]
    flat = nn.Linear(4 * CONVOLUTIONS[-1][1], EMBEDDING, bias=False)
    return nn.Sequential(*layers, nn.AdaptiveMaxPool2d(2), nn.Flatten(), flat)


class Block(nn.Module):
    """Causal self-attention and a perceptron, float [B, L, WIDTH] in and out."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.in_proj, self.out_proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.linear1, self.linear2 = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """Both behind a layer norm and beside a shortcut."""
        q, k, v = self.in_proj(self.norm1(x)).unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out_proj(attended.transpose(1, 2).flatten(2))
        return x + self.linear2(F.gelu(self.linear1(self.norm2(x))))


class TextTower(nn.Module):
    """Token ids int64 [B, L] in, float [B, D] out, read where a title ends, as in CLIP."""

    def __init__(self, ids: int) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(ids, WIDTH)
        self.positional_embedding = nn.Parameter(0.01 * torch.randn(CONTEXT, WIDTH))
        self.blocks = nn.Sequential(*(Block() for _ in range(LAYERS)))
        self.norm = nn.LayerNorm(WIDTH)
        self.projection = nn.Linear(WIDTH, EMBEDDING, bias=False)
        nn.init.normal_(self.token_embedding.weight, std=0.02)

    def forward(self, ids: Tensor) -> Tensor:
        """Features, not normalized."""
        end = ids.argmax(1)  # Its id is the largest.
        ids = ids[:, : int(end.max()) + 1]  # Nothing behind the last end is looked at.
        x = self.blocks(self.token_embedding(ids) + self.positional_embedding[: ids.shape[1]])
        return self.projection(self.norm(x[torch.arange(len(x)), end]))


def prototypes() -> nn.Embedding:
    """What a classifier has for a text tower: a table, read by class, int64 [B] to [B, D]."""
    table = nn.Embedding(CLASSES, EMBEDDING)
    table.weight.data *= EMBEDDING**-0.5
    return table


# ---- 5. Three losses. All compare normalized vectors; what differs is what they are told from.
def softmax(image: Tensor, table: Tensor, scale: Tensor, labels: Tensor, allowed: Tensor) -> Tensor:
    """SL: pictures [B, D] are told from the prototypes [C, D] that are allowed, bool [B, C]."""
    logits = (scale * (image @ table.T)).masked_fill(~allowed, -torch.inf)
    return F.cross_entropy(logits, labels, reduction="none").mean()


def vocabularies(labels: Tensor, frequency: Tensor, size: int, chance: torch.Generator) -> Tensor:
    """The classes that each micro-batch shows, and others drawn by frequency: bool [B, C]."""
    labels = labels.view(-1, MICRO_BATCH)
    # The greatest log-frequencies with Gumbel noise are a draw without replacement.
    noise = -torch.log(-torch.log(torch.rand(len(labels), CLASSES, generator=chance)))
    keys = (frequency.log() + noise).scatter(1, labels, torch.inf)
    rank = keys.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    return (rank < size).repeat_interleave(MICRO_BATCH, dim=0)


def info_nce(image: Tensor, text: Tensor, scale: Tensor) -> Tensor:
    """CLIP: each picture [B, D] is told from the batch's titles [B, D], and each title likewise."""
    logits = scale * (image @ text.T)
    own = torch.arange(len(logits))
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


# ---- 6. One training loop
def train(
    method: str, data: Drawings, seed: int, total: int = 0
) -> tuple[nn.Module, Tensor, list[float]]:
    """Train for `total` steps, or EPOCHS epochs: image tower, class vectors [C, D], all losses."""
    drawn, frequency = draw(data, seed)
    pictures, labels = standardize(data.pictures[drawn]), torch.from_numpy(data.labels[drawn])
    names = [usual_name(data, label) for label in range(CLASSES)]
    texts = [tokenize(text) for text in [*(data.titles[i] for i in drawn), *names]]
    # The text tower learns a row for each id that occurs, and so these are numbered anew.
    occurring, ids = torch.tensor(texts).unique(return_inverse=True)
    reads = method == "CLIP"
    torch.manual_seed(seed)
    tower = image_tower().to(memory_format=torch.channels_last)
    head = TextTower(len(occurring)) if reads else prototypes()
    classes = ids[len(drawn) :] if reads else torch.arange(CLASSES)  # as the head knows them
    log_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))  # of 1 / temperature
    parameters = [*tower.parameters(), *head.parameters(), log_scale]
    decayed: dict[str, Any] = {"params": [p for p in parameters if p.ndim >= 2]}
    others: dict[str, Any] = {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0}
    optimizer = torch.optim.AdamW([decayed, others], weight_decay=WEIGHT_DECAY, fused=True)
    per_epoch, losses = len(drawn) // BATCH, []
    total = total or EPOCHS * per_epoch
    warmup = round(WARMUP * total)
    for step in range(total):
        done = (step - warmup) / (total - warmup)  # Below 0 the learning rate still rises.
        rate = (step + 1) / warmup if done < 0 else (1 + math.cos(math.pi * done)) / 2
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * rate
        epoch, within = divmod(step, per_epoch)
        order = np.random.default_rng([seed, ORDER, epoch]).permutation(len(drawn))
        rows = torch.from_numpy(order[within * BATCH : (within + 1) * BATCH])
        crops = random_crop(pictures[rows], generator(seed, AUGMENTATION, step))
        image, scale = F.normalize(tower(crops)), log_scale.exp()
        if reads:
            loss = info_nce(image, F.normalize(head(ids[rows])), scale)
        else:
            chance, counts = generator(seed, OBJECTIVE, step), torch.from_numpy(frequency).float()
            allowed = vocabularies(labels[rows], counts, VOCABULARY[method], chance)
            loss = softmax(image, F.normalize(head(classes)), scale, labels[rows], allowed)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        log_scale.data.clamp_(0, math.log(100))  # as CLIP does
        losses.append(loss.item())
    return tower.eval(), F.normalize(head(classes)).detach(), losses


# ---- 7. Bias: how far do accuracy and number of predictions follow frequency?
@torch.no_grad()
def test(tower: nn.Module, vectors: Tensor, data: Drawings) -> tuple[NDArray, NDArray]:
    """Accuracy, float [C], and number of predictions, int [C], on drawings by unseen authors."""
    rows = np.flatnonzero(data.test & (data.labels < CLASSES))
    truth = data.labels[rows]
    said = (tower(standardize(data.pictures[rows])) @ vectors.T).argmax(1).numpy()
    right = np.bincount(truth[said == truth], minlength=CLASSES)
    return right / np.bincount(truth), np.bincount(said, minlength=CLASSES)


def spearman(frequency: NDArray, value: NDArray) -> float:
    """Correlation of ranks: S(a) if the value is accuracy, S(p) if it is predictions."""
    pairs = ((np.sort(v), v) for v in (frequency, value))
    # Equal values share the mean of their ranks, which is half the sum of the least and greatest.
    ranks = [np.searchsorted(s, v, "left") + np.searchsorted(s, v, "right") for s, v in pairs]
    return float(np.corrcoef(ranks)[0, 1])


def thirds(frequency: NDArray, accuracy: NDArray) -> list[float]:
    """Mean accuracy of the most frequent, the middling and the rarest third of the classes."""
    falling = np.argsort(-frequency, kind="stable")
    return [float(accuracy[third].mean()) for third in np.array_split(falling, 3)]


# ---- 8. One table, one figure
def main() -> None:
    """Train and test the three methods; print the table, and draw each class's two values."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="icontail.npz; default: downloaded once")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--figure", type=Path, default=Path("one_file.png"))
    arguments = parser.parse_args()
    data = load(arguments.data)
    _, frequency = draw(data, arguments.seed)
    drawing = Figure(figsize=(10, 5.5), layout="constrained")
    axes = drawing.subplots(2, len(LOOKS), sharex=True, sharey="row")
    print("            S(a)    S(p)  accuracy    head     mid    tail")
    for column, (method, (color, marker)) in enumerate(LOOKS.items()):
        tower, vectors, _ = train(method, data, arguments.seed)
        accuracy, predictions = test(tower, vectors, data)
        a, p = spearman(frequency, accuracy), spearman(frequency, predictions)
        head, mid, tail = thirds(frequency, accuracy)
        print(f"{method:<8}{a:8.2f}{p:8.2f}{accuracy.mean():10.2f}{head:8.2f}{mid:8.2f}{tail:8.2f}")
        for axis, value in zip(axes[:, column], (accuracy, predictions), strict=True):
            axis.scatter(frequency, value, s=22, c=color, marker=marker, alpha=0.7, clip_on=False)
        axes[0, column].set(title=f"{method}\nS(a) = {a:.2f}", xscale="log", ylim=(0, 1))
        axes[1, column].set(title=f"S(p) = {p:.2f}", ylim=(0, None))
    axes[0, 0].set_ylabel("accuracy")
    axes[1, 0].set_ylabel("number of predictions")
    drawing.supxlabel("training pictures of the class")
    drawing.savefig(arguments.figure, dpi=150)


# ---- Appendix: all tokens of the titles, in the order of CLIP's byte-pair encoding, numbered from
# 1, as 0 is padding. A token that ends in "-" begins a word that another one goes on with.
WORDS = """
b- c- g- h- j- l- r- w- x- z- 0 1 2 3 4 5 6 a b c d f g i l m p q r s t v x y in- re- ing on- on in
to is le- ic- de- un- be- day to- it ts with is- pp- all con- out po- one for- ter mor- ex- ate ad
ru- new am gre- du- ting up bi- today im- red tion mon- more can ted not time like love der end son
bl- pla- cor- go able no first ous app- ans back old da- ple- night year end- work last tt- week
world cam- off know bar- low people xt ear- ble game show view ited ical chec- book photo out- next
down home side line right days gam- set et- ep- music foo- lan- read house check del- watch mp top
iting ls less city help vide- light high find black play video weekend key pt full open shed dro-
dis- date found post food star oc- start water white west inte- car call friend test playing event
times back- picture christmas special stop history done dr business hand- rs health blue fire group
sub- ym- change power left ot- red- media green favorite search month heart phone fast yes board
share follow put list tar- del movie ph south award wan- box case hot die service stand three bad
mark center police ea- office table sun flow- store north ai info america hour deci- data ts- sign
point building money forward half details chat bar report system match stone small rain link fit
update page water- round kan- person ring bad- break bul- snow card east mail energy word close save
tree single fy words performance record four bank ap gift program security ban move paper cs price
load number brown image present due key- weeks launch writing doc- success catch ops aker africa
plus services five rain- clear cold studio signed double information code note eye moon network
glass management favourite bag elli- voice drop traffic safety cross missing australia limited earth
ged post- smile oce- library add print blood sound idea send tag sym- showing bell sad screen
download flight pad- mark- mic range access gallery sleep europe fs quar- type light- cloud teams
credit message map camera chain multi- mini lane square draw quote active process six sel medical
simple added text received god- shopping orange lab popular location lock question heat graph
private preview display email cd yellow copy file records closed block presentation calling tip
truck alert account tract content gear protect flag window speech speaker changes begin stick
warning tf confi- path grey chart discussion cycle broken pin planet musical rich- corner setting
sketch fying analysis opened hole bin chat- pen plane shared target windows meal schedule bid filled
flow medicine icon amed conversation landscape asia comment audio tools ml notes quotes flash
software scale switch emergency bottom charge normal contract numbers til- solid border fill joy- tr
bitcoin status drops multiple nut sv- temporary reduce ios iot quarter blockchain yam- addition
clock wheel mention assistant fail damage storage crown ups bot saving moved dot apps hidden user
poll package circle calendar transfer chev- threat dates application doc stats sheet nine pine pod
pattern loud dollar rb sl py secure filter check- lightning request files currency holder battery
empty dele- managed thal- js edit income function invite links db bug tl volume landing locked
script rocket server euro option analytics shield medium feedback unknown select duo agenda maps
delta vb thread buildings none reply dock percent devices arrival blocked split lef- signature
enterprise previous globe hide messages fog brief- replace graphics temperature radar remove root
trash ania wrapped crop loading minim- alt rot- counter- parent repeat monitor reference rabbit
removed subject satellite basket bangla- checked loop df archive task column payment fier pound
noti- plain signal bubble programming delay aster- fold wifi monitoring spark header arrow pencil
stack scan avi badge caption cube sword ggle ui tags compu- gif crossed processing certificate
terminal lined hint format migration cs- view- heavy- error ribbon protected scape marked ceiling
bullet pulse charging plug computing texts requirements infinity controller outlook keyboard gly-
cart bolt expand cancelled wp windy flame approval disabled balloon urgent compare zoom cv
description upload restore vertical desktop dice backup export triangle tray spam database data-
place- headphones hour- oval finder document blank pdf corrupt mapping swap hail- minus incoming
leak tick alternate slides zip aud- versions font import ruled javascript airplane collapse outcome
flows module unlocked orientation replay input neutral paste someday telephone output layout antine
bubbles receiver sx departure yen modified americas waste- marker crescent html operational sparkle
queue ecology template settings unlock excel transm- sql extract gibb- dots approve delete pill
braces vue pause tasks rons axis bulk slash shred- css connect skeleton stormy sync typing cad
password variant diff spread- git png preliminary slr credit- vector cancel snowfall clamation
alistic rss bulb notification verified offline haze processor clone loud- todo voltage messaging
refresh binary width enabled evergreen headset mov scanner magni- typography logging txt rar
microphone arrows stacked aler- folder horizontal sentiment ringing cog- kered connection outline
rounded generic outgoing envelope query digit connected aerop- funnel attachment duplic- columns
drafts registry isk overdue elastic parcel corrup- dislike scissors wrench hex mute sass foundry
stax validation takeoff shred psis configuration bookmark zipper margins chevron verify undo cog
flask sparkles lambda jpg headphone meridi- backward thermometer directional waxing powerpoint
trash- clip- tint sliders snooze supervised compressed redo deshi dismiss shaded meatball rupee
enote prohib- infra clockwise cursor toolbox muted mirro- filament
"""
TOKENS = {token: number for number, token in enumerate(WORDS.split(), start=1)}

if __name__ == "__main__":
    main()
