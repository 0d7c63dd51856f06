"""
=============================
A hard threshold, and a drift
=============================

The rejection of rows whose labels the learner finds improbable is the published defence
of a stream. After a drift the learner is wrong, and what would correct it is
improbable: without a limit on the share that is rejected, the defence shuts the learner
off from what it should learn, and no attacker is needed.
"""

# %%
# A stream whose drift is known
# -----------------------------
# The boundary between two classes turns by 150° after half of the rows. A classifier
# that does not learn any more is then wrong for 150 / 180 of the rows.

import matplotlib.pyplot as plt
from sklearn.linear_model import SGDClassifier

from skpoison.datasets import make_drifting_stream
from skpoison.model_selection import PrequentialCurveDisplay
from skpoison.online import RejectionClassifier

X, y = make_drifting_stream(2000, drift="abrupt", angle=150, random_state=0)
learner = SGDClassifier("log_loss", learning_rate="constant", eta0=0.5, shuffle=False)
learners = {
    "no defence": learner,
    "hard, no limit": RejectionClassifier(learner, action="drop", max_rejected=1.0),
    "hard, limit 20 %": RejectionClassifier(learner, action="drop", window=200),
    "soft, limit 20 %": RejectionClassifier(learner, window=200),
}

# %%
# Accuracy and what is rejected
# -----------------------------
# The accuracy is that of the last 200 rows, the share rejected that of the last 100.

figure, axes = plt.subplots(2, 1, figsize=(8, 6), sharex=True)
for i, (name, victim) in enumerate(learners.items()):
    display = PrequentialCurveDisplay.from_estimator(
        victim,
        X,
        y,
        batch_size=10,
        window=20,
        name=name,
        shares=True,
        ax=axes[0],
        line_kw={"color": f"C{i}"},
    )
    display.lines_[1].remove()
    for line in display.share_lines_:
        line.remove()
        axes[1].plot(*line.get_data(), color=display.lines_[0].get_color())
axes[0].set(xlabel="", ylabel="Accuracy", ylim=(0, 1.02))
axes[0].legend(loc="lower left")
axes[1].set(xlabel="Genuine rows seen", ylabel="Share rejected", ylim=(-0.02, 1))
plt.show()

# %%
# The learner without a defence recovers at once. A hard threshold without a limit
# rejects two thirds of what comes, and the learner is not back after a thousand rows.
# With the limit, which is the default, it recovers as soon as the limit is reached.
