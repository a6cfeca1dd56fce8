"""
=========================
Find what does not belong
=========================

Forty printed letters and forty damaged digits are mixed with 1,797 handwritten digits.
:class:`~skrbm.RBMOutlierDetector` learns from all images, strangers included, and finds the ones
that are unlikely. It gets no hint about which images these are.
"""

# %%
# Letters as small as the digits
# ------------------------------
# Matplotlib's font, drawn by Pillow. Letters that look like digits are left out.
import string
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_digits
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score
from sklearn.neighbors import LocalOutlierFactor

from skrbm import BernoulliRBM, RBMOutlierDetector

path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf"
font = ImageFont.truetype(path, 40)


def printed(character):
    """Draw a letter of 8 x 6 pixels in the middle of 8 x 8."""
    large = Image.new("L", (60, 60))
    ImageDraw.Draw(large).text((8, 4), character, font=font, fill=255)
    small = large.crop(large.getbbox()).resize((6, 8), Image.Resampling.LANCZOS)
    return np.pad(np.asarray(small) / 255, ((0, 0), (1, 1))).ravel()


letters = [printed(x) for x in string.ascii_letters if x not in "bgloqszBIOSZ"]

# %%
# Digits with six wrong pixels
# ----------------------------
rng = np.random.default_rng(0)
digits = load_digits().data / 16
damaged = digits[rng.choice(len(digits), 40, replace=False)]
wrong = rng.random(damaged.shape).argsort(axis=1) < 6
damaged = np.where(wrong, 1 - damaged, damaged)

X = np.concatenate([digits, letters, damaged]).astype(np.float32)
kind = np.repeat(["digit", "letter", "damaged"], [len(digits), len(letters), len(damaged)])

# %%
# Detect
# ------
# ``contamination`` is the share of images to flag. The threshold also holds for new images. The
# average precision judges the order of all images; it is 1 if all strangers come first.
detector = RBMOutlierDetector(BernoulliRBM(64, n_iter=50), contamination=0.04, random_state=0)
scores = {
    "RBMOutlierDetector": detector.fit(X).score_samples(X),
    "IsolationForest": IsolationForest(random_state=0).fit(X).score_samples(X),
    "LocalOutlierFactor": LocalOutlierFactor().fit(X).negative_outlier_factor_,
}
for name, score in scores.items():
    print(f"{name}: average precision {average_precision_score(kind != 'digit', -score):.2f}")
flagged = detector.predict(X) == -1
print(f"flagged: {flagged.sum()} images, {(kind[flagged] != 'digit').sum()} of them strangers")

# %%
# The least likely images
# -----------------------
# Some digits are so odd that they come before strangers.
order = scores["RBMOutlierDetector"].argsort()
figure, axes = plt.subplots(6, 16, figsize=(8, 4), layout="constrained")
colors = {"digit": "0.8", "letter": "C3", "damaged": "C0"}
for ax, i in zip(axes.flat, [*order[:80], *order[-16:]], strict=True):
    ax.imshow(X[i].reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set(color=colors[kind[i]], linewidth=2)
n_letters, n_damaged = [(kind[order[:80]] == x).sum() for x in ("letter", "damaged")]
figure.suptitle(
    f"The 80 least likely images: {n_letters} letters (red), {n_damaged} damaged (blue).\n"
    "Last row: the most likely images"
)
figure.savefig("odd_ones_out.png", dpi=150)
print("saved odd_ones_out.png")
