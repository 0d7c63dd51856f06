"""Data sets of the benchmark of strength: read, derived, generated.

Classification: those of the literature (spambase, MNIST 1 against 7, ransomware), word
counts, a stream that drifts, those that scikit-learn ships, and synthetic ones, each
with one property that breaks attacks: a minority of 5 %, one-hot columns, duplicated
rows, correlated columns, many more columns than rows, 20 % of wrong labels, several
classes, heavy tails, a boundary that is not linear. Regression likewise. Columns are
chosen without a look at the labels. Sets that lie in skpoison/ of scikit-learn's data
folder are left out if they are not there.
"""

from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn import datasets
from sklearn.preprocessing import StandardScaler

N_TRAIN, N_TEST = 300, 2000
N_ROWS = 5000
# Sets in the order of time: trained on consecutive rows, tested on those that follow.
STREAMS = ("elec",)


def stored(name):
    path = Path(datasets.get_data_home()) / "skpoison" / f"{name}.npz"
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as f:
        parts = {key: f[key] for key in f.files}
    if "X_data" in parts:
        held = (parts.pop(f"X_{key}") for key in ("data", "indices", "indptr"))
        X = sparse.csr_matrix(tuple(held), shape=tuple(parts["X_shape"]))
    else:
        X = parts["X"]
    y = parts["y"]
    return X.astype(float), y if y.dtype.kind == "f" else y.astype(int)


def columns(name, n_columns):
    """Keep the columns whose presence varies most."""
    data = stored(name)
    if data is None:
        return None
    present = np.asarray((data[0] > 0).mean(axis=0)).ravel()
    chosen = np.argsort(-present * (1 - present), kind="stable")[:n_columns]
    return data[0][:, np.sort(chosen)].toarray(), data[1]


def shipped(load):
    return lambda: load(return_X_y=True)


def blobs(n_features, n_informative, **settings):
    return lambda: datasets.make_classification(
        N_ROWS,
        n_features,
        n_informative=n_informative,
        n_redundant=n_features // 5,
        random_state=0,
        **settings,
    )


def normal(rng):
    return rng.standard_normal((N_ROWS, 20))


def one_hot(rng):
    """Eight columns of four categories, and four numbers."""
    chances = np.array([0.55, 0.25, 0.15, 0.05])
    groups = [np.eye(4)[rng.choice(4, N_ROWS, p=chances)] for _ in range(8)]
    return np.hstack([*groups, rng.standard_normal((N_ROWS, 4))])


def correlated(rng):
    """Five factors behind thirty columns."""
    factors = rng.standard_normal((N_ROWS, 5))
    noise = 0.3 * rng.standard_normal((N_ROWS, 30))
    return factors @ rng.standard_normal((5, 30)) + noise


def heavy(rng):
    return rng.lognormal(0, 1, (N_ROWS, 20))


def wide(rng):
    return rng.standard_normal((2500, 800))


def few(rng):
    """Return three columns, as many data of measurements have."""
    return rng.standard_normal((N_ROWS, 3)) @ rng.standard_normal((3, 3))


def linear(features, noise, seed):
    """Make responses: linear in 20 columns, with normal noise."""

    def load():
        rng = np.random.RandomState(seed)
        X = features(rng)
        weights = rng.standard_normal(X.shape[1])
        weights[20:] = 0
        signal = X @ weights
        response = signal / signal.std() + noise * rng.standard_normal(X.shape[0])
        return X, response

    return load


def labelled(features, noise, seed, positive=0.5):
    """Make labels: whether such a response is among the highest."""
    make = linear(features, noise, seed)

    def load():
        X, response = make()
        return X, (response > np.quantile(response, 1 - positive)).astype(int)

    return load


def duplicates():
    """Draw rows from a sixth of as many, with replacement."""
    X, y = blobs(15, 8, class_sep=0.7)()
    rows = np.random.RandomState(0).randint(0, N_ROWS // 6, N_ROWS)
    return X[rows], y[rows]


CLASSIFICATION = {
    "moons": lambda: datasets.make_moons(N_ROWS, noise=0.25, random_state=0),
    "elec": lambda: stored("elec"),
    "phishing": lambda: stored("phishing"),
    "wine": shipped(datasets.load_wine),
    "duplicates": duplicates,
    "minority": blobs(20, 8, weights=[0.95]),
    "noisy": blobs(20, 8, flip_y=0.4),
    "heavy_tails": labelled(heavy, 0.5, 1, 0.3),
    "five_classes": blobs(15, 8, n_classes=5, class_sep=1.5),
    "seven_classes": blobs(18, 12, n_classes=7, n_clusters_per_class=1, class_sep=2),
    "correlated": labelled(correlated, 0.5, 2),
    "breast_cancer": shipped(datasets.load_breast_cancer),
    "one_hot": labelled(one_hot, 0.5, 3),
    "spambase": lambda: stored("spambase"),
    "digits": shipped(datasets.load_digits),
    "sms_spam": lambda: columns("sms_spam", 300),
    "ransomware": lambda: columns("ransomware", 400),
    "mnist_1_7": lambda: stored("mnist_1_7"),
    "wide": labelled(wide, 0.3, 4),
}
REGRESSION = {
    "few_columns": linear(few, 0.7, 5),
    "machine_cpu": lambda: stored("machine_cpu"),
    "diabetes": shipped(datasets.load_diabetes),
    "friedman": lambda: datasets.make_friedman1(N_ROWS, noise=1, random_state=0),
    "grid_stability": lambda: stored("grid_stability"),
    "normal": linear(normal, 1.0, 6),
    "heavy_tails": linear(heavy, 0.5, 7),
    "correlated": linear(correlated, 0.5, 8),
    "one_hot": linear(one_hot, 0.5, 9),
    "wide": linear(wide, 0.3, 10),
}


def available(task):
    """Return the loaders of the sets that are there."""
    sets = REGRESSION if task == "regression" else CLASSIFICATION
    here = Path(datasets.get_data_home()) / "skpoison"
    reads = {"elec", "phishing", "spambase", "sms_spam", "ransomware", "mnist_1_7"}
    reads |= {"machine_cpu", "grid_stability"}
    return {
        name: load
        for name, load in sets.items()
        if name not in reads or (here / f"{name}.npz").is_file()
    }


def load(task, name, seed):
    """Return training rows and test rows, standardised by the training rows.

    There are 300 training rows, or 60 % of smaller sets, and at most 2,000 test rows.
    Responses are standardised too. Columns that are constant on the training rows are
    left out.
    """
    X, y = available(task)[name]()
    rng = np.random.RandomState(seed)
    n_train = min(N_TRAIN, int(0.6 * y.shape[0]))
    n_rows = min(n_train + N_TEST, y.shape[0])
    if name in STREAMS:
        order = rng.randint(y.shape[0] - n_rows) + np.arange(n_rows)
    else:
        order = rng.permutation(y.shape[0])[:n_rows]
    X, y = X[order], y[order]
    X = X[:, np.ptp(X[:n_train], axis=0) > 0]
    X = StandardScaler().fit(X[:n_train]).transform(X)
    if task == "regression":
        y = (y - y[:n_train].mean()) / y[:n_train].std()
    return (X[:n_train], y[:n_train]), (X[n_train:], y[n_train:])
