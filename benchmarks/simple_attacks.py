"""Simple attacks: the baselines of the benchmark of strength.

Insertion: of 30 sets of rows the one after which the victim makes most errors on a part
of the training rows that is set aside. 24 of them are pushed: rows of one class with
the label of another, moved to the border of the box around the training rows, away from
the class of their label along the weights of the victim, or of a logistic regression
(ridge regression) if the victim has no weights. They differ in the share of rows with
each label (none, half, all; with several classes: one pair of classes, another pair, a
pair for each row), in the number k of features moved, those of the largest weight times
width (all, a quarter, 10, 1), and in how far they go (all the way, .3 of it). The other
six are random clones with flipped labels. For responses, rows with the lowest response
are moved to where the victim predicts high ones, and the reverse.

Flips: the rows furthest from the boundary; ALFA; of 30 random sets of rows of one class
that get one other label, the worst for the victim on a part of the training rows that
is set aside; random rows.
"""

import warnings
from itertools import product

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC

from skpoison.attacks import ALFA, MarginLabelFlip, RandomLabelFlip

N_SETS = 30
ASIDE = 0.3


def error(victim, train, test):
    """Fit the victim and measure its test error; NaN if it does not learn."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            predicted = clone(victim).fit(*train).predict(test[0])
        except ValueError:  # gradient descent diverges
            return np.nan
    if is_classifier(victim):
        return float(np.mean(predicted != test[1]))
    return float(mean_squared_error(test[1], predicted))


def joined(train, poison):
    return np.vstack([train[0], poison[0]]), np.concatenate([train[1], poison[1]])


def weights_of(victim, X, y):
    """Return weights of shape (n_features, n_outputs); of two classes one output.

    A linear victim's scores are linear in the rows, whatever scalers stand before it.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        fitted = clone(victim).fit(X, y)
        last = fitted[-1] if isinstance(fitted, Pipeline) else fitted
        # The scores of SVC for several classes count votes.
        votes = isinstance(last, SVC) and last.classes_.shape[0] > 2
        if votes or not hasattr(last, "coef_"):
            proxy = LogisticRegression() if is_classifier(victim) else Ridge()
            fitted = proxy.fit(X, y)
        scores = fitted.decision_function if is_classifier(victim) else fitted.predict
        points = np.vstack([np.zeros(X.shape[1]), np.eye(X.shape[1])])
        values = scores(points).reshape(points.shape[0], -1)
    return values[1:] - values[0]


def directions(weights, codes, labels):
    """Return for each row the weights of its label minus those of its class."""
    if weights.shape[1] == 1:
        return (labels - codes)[:, np.newaxis] * weights[:, 0]
    return (weights[:, labels] - weights[:, codes]).T


def pushed(X, away, n_features, way, box):
    """Push rows against the directions of their labels, in the largest features."""
    low, high = box
    gain = np.abs(away) * (high - low)
    smallest = -np.sort(-gain, axis=1)[:, [n_features - 1]]
    border = np.where(away > 0, low, high)
    return np.where(gain >= smallest, X + way * (border - X), X)


def sides(y, labels, rng):
    """Return new labels of poison rows, by the classes that they are drawn from."""
    n_poison, n_classes = labels.shape[0], int(y.max()) + 1
    if n_classes == 2:
        for share in (0, 0.5, 1):
            yield (rng.permutation(n_poison) < round(share * n_poison)).astype(int)
        return
    for _ in range(2):
        yield np.full(n_poison, rng.randint(n_classes))
    yield rng.randint(n_classes, size=n_poison)


def insertions(victim, X, y, n_poison, rng):
    """Yield 30 sets of poison rows."""
    regression = not is_classifier(victim)
    box, weights = (X.min(axis=0), X.max(axis=0)), weights_of(victim, X, y)
    classes, codes = (None, y) if regression else np.unique(y, return_inverse=True)
    sizes = X.shape[1], -(-X.shape[1] // 4), min(10, X.shape[1]), 1
    for n_features, way in product(sizes, (1, 0.3)):
        recipes = (0, 0.5, 1) if regression else sides(codes, np.empty(n_poison), rng)
        for recipe in recipes:
            if regression:
                high = rng.permutation(n_poison) < round(recipe * n_poison)
                rows = rng.randint(X.shape[0], size=n_poison)
                away = np.where(high, 1, -1)[:, np.newaxis] * weights[:, 0]
                labels = np.where(high, y.max(), y.min())
            else:
                new, rows = recipe, np.empty(n_poison, dtype=int)
                one = rng.randint(classes.shape[0] - 1)
                for label in np.unique(new):
                    own = np.flatnonzero(new == label)
                    others = codes != label
                    if classes.shape[0] > 2 and np.unique(new).shape[0] == 1:
                        others = codes == (label + 1 + one) % classes.shape[0]
                    rows[own] = rng.choice(np.flatnonzero(others), own.shape[0])
                away = directions(weights, codes[rows], new)
                labels = classes[new]
            yield pushed(X[rows], away, n_features, way, box), labels
    for _ in range(N_SETS - 24):
        rows = rng.randint(X.shape[0], size=n_poison)
        if regression:
            yield X[rows], y.min() + y.max() - y[rows]
        else:
            step = rng.randint(1, classes.shape[0], size=n_poison)
            yield X[rows], classes[(codes[rows] + step) % classes.shape[0]]


def set_aside(victim, y, seed):
    return train_test_split(
        np.arange(y.shape[0]),
        test_size=ASIDE,
        random_state=seed,
        stratify=y if is_classifier(victim) else None,
    )


def best_insertion(victim, X, y, n_poison, seed):
    """Return the best of 30 sets of rows, by the error on rows set aside.

    The victim learns the other rows, and as large a part of the poison.
    """
    rng = np.random.RandomState(seed)
    kept, aside = set_aside(victim, y, seed)
    n_learnt = max(1, round((1 - ASIDE) * n_poison))
    best, highest = None, -np.inf
    for poison in insertions(victim, X, y, n_poison, rng):
        some = rng.permutation(n_poison)[:n_learnt]
        train = joined((X[kept], y[kept]), (poison[0][some], poison[1][some]))
        value = error(victim, train, (X[aside], y[aside]))
        if best is None or value > highest:
            best, highest = poison, value if value == value else highest
    return joined((X, y), best)


def one_sided(victim, X, y, n_flips, seed):
    """Return the labels of the best of 30 random one-sided sets of flips."""
    rng = np.random.RandomState(seed)
    kept, aside = set_aside(victim, y, seed)
    classes, counts = np.unique(y, return_counts=True)
    best, highest = y, -np.inf
    for _ in range(N_SETS):
        # Of a class that has fewer rows all but one are flipped.
        source = rng.randint(classes.shape[0])
        target = (source + rng.randint(1, classes.shape[0])) % classes.shape[0]
        n_rows = min(n_flips, counts[source] - 1)
        flipped = y.copy()
        rows = rng.permutation(np.flatnonzero(y == classes[source]))[:n_rows]
        flipped[rows] = classes[target]
        if np.unique(flipped[kept]).shape[0] < 2:
            continue
        value = error(victim, (X[kept], flipped[kept]), (X[aside], y[aside]))
        if value > highest:
            best, highest = flipped, value
    return best


def simple_flips(victim, X, y, n_flips, seed):
    """Return the labels after each of the simple attacks, by name."""
    attacks = {
        "furthest": MarginLabelFlip(victim, n_flips, random_state=seed),
        "ALFA": ALFA(victim, n_flips, random_state=seed),
        "random": RandomLabelFlip(n_flips, random_state=seed),
    }
    labels = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, attack in attacks.items():
            labels[name] = attack.fit_resample(X, y)[1]
    return labels | {"one-sided": one_sided(victim, X, y, n_flips, seed)}
