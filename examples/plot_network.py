r"""
=====================================================
Poison for neural networks with other initial weights
=====================================================

What a neural network learns depends on its initial weights. An attack that
differentiates through the training of a network knows the initial weights of its
surrogate only. The figure shows whether the poison also harms networks that start from
others.

The network has 10 hidden units and takes 100 steps of full-batch gradient descent.
Poison rows are inserted within the range of each feature, and maximise the smoothed
error on the attacker's validation rows. The task is to tell ones from sevens.
"""

# %%
# The network is scikit-learn's own, with parameters that make each step a step of
# full-batch gradient descent. Training with random batches cannot be differentiated.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from skpoison.attacks import GradientInsertion, RandomInsertion
from skpoison.optimizers import ProjectedAscent
from skpoison.surrogates import Unrolled

# The network is meant to stop before it converges.
warnings.simplefilter("ignore", ConvergenceWarning)

X, y = load_digits(return_X_y=True)
of_two = np.isin(y, [1, 7])
X, X_test, y, y_test = train_test_split(
    X[of_two] / 16, y[of_two], train_size=160, stratify=y[of_two], random_state=0
)
X_train, y_train, X_val, y_val = X[:80], y[:80], X[80:], y[80:]
network = MLPClassifier(
    (10,),
    activation="tanh",
    solver="sgd",
    momentum=0,
    learning_rate_init=0.2,
    max_iter=100,
    n_iter_no_change=100,
    random_state=0,
)

# %%
# The attack starts from clones of training rows with flipped labels, which are the
# baseline. Differentiating through the last 20 steps only is cheaper.

BUDGETS = [0.0, 0.1, 0.2, 0.3]
settings = {"optimizer": ProjectedAscent(max_iter=60), "random_state": 0}
ATTACKS = {
    "flipped clones": RandomInsertion(random_state=0),
    "gradient, last 20 steps": GradientInsertion(
        network, hypergradient=Unrolled(last=20), **settings
    ),
    "gradient, all steps": GradientInsertion(network, **settings),
}


def poison(attack, budget):
    attack = clone(attack).set_params(budget=budget)
    if isinstance(attack, GradientInsertion):
        return attack.fit_resample(X_train, y_train, X_val=X_val, y_val=y_val)
    return attack.fit_resample(X_train, y_train)


def error(rows, seed):
    victim = clone(network).set_params(random_state=seed)
    return 1 - victim.fit(*rows).score(X_test, y_test)


errors = {
    name: np.array(
        [
            [error(rows, seed) for seed in range(9)]
            for rows in (poison(attack, budget) for budget in BUDGETS)
        ]
    )
    for name, attack in ATTACKS.items()
}

# %%
# The poison transfers: with other initial weights it does less harm, but still more
# than the clones.

figure, axes = plt.subplots(1, 2, sharey=True, figsize=(9, 4), layout="constrained")
for (name, of_name), style in zip(errors.items(), ("s:", "^--", "o-"), strict=True):
    (line,) = axes[0].plot(BUDGETS, of_name[:, 0], style, label=name)
    mean, std = of_name[:, 1:].mean(axis=1), of_name[:, 1:].std(axis=1)
    axes[1].plot(BUDGETS, mean, style, color=line.get_color())
    axes[1].fill_between(
        BUDGETS, mean - std, mean + std, color=line.get_color(), alpha=0.15, lw=0
    )
    print(f"{name:<24} same {of_name[-1, 0]:.3f}, others {mean[-1]:.3f}")
axes[0].set(title="The attacker's initial weights", ylabel="Error on clean test rows")
axes[1].set(title="Eight others, mean ± standard deviation")
for ax in axes:
    ax.set(xlabel="Rows inserted, $n_p / n$", ylim=(0, None), xticks=BUDGETS)
    ax.grid(alpha=0.3)
figure.legend(loc="outside lower center", ncols=3, frameon=False)

plt.show()
