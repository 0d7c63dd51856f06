"""KNN-Shapley values compared with those of pyDVL.

pyDVL values training rows on test rows that are not among them. Here a row is valued on
all trusted rows but itself, so the comparison is made for one test row at a time, whose
own value is left out.

pyDVL 0.10.0, 200 training rows and 50 test rows of make_classification, K = 1, 5, 20:
with four classes the values are equal; with two the largest difference is 1e-6, of
values up to 0.04, because two distances agree in single precision, which is a tie here
and none in pyDVL. With 12 training rows, fewer than K = 20, the difference is 0.03 of
0.05 in one of two cases: pyDVL's recursion then starts from [y_N = y_t] / N instead of
[y_N = y_t] / K, and only the latter adds up to the share of votes.

Install pyDVL into an environment with this package, and run:
``python benchmarks/pydvl_shapley.py``
"""

import numpy as np
from sklearn.datasets import make_classification
from sklearn.neighbors import KNeighborsClassifier

from skpoison.defences._knn_shapley_values import knn_shapley


def published(X, y, X_test, y_test, n_neighbors):
    """Return pyDVL's values."""
    from pydvl.valuation import Dataset, KNNShapleyValuation

    model = KNeighborsClassifier(n_neighbors)
    valuation = KNNShapleyValuation(model, Dataset(X_test, y_test), progress=False)
    return valuation.fit(Dataset(X, y)).result.values


def ours(X, y, X_test, y_test, n_neighbors):
    """Return the mean values for one test row at a time."""
    values = [
        knn_shapley(
            np.vstack([X, row]),
            np.append(y, label),
            np.array([y.shape[0]]),
            n_neighbors=n_neighbors,
            n_classes=int(y.max()) + 1,
        )[:-1]
        for row, label in zip(X_test, y_test, strict=True)
    ]
    return np.mean(values, axis=0)


def main():
    for n_classes in (2, 4):
        X, y = make_classification(
            250, 10, n_informative=6, n_classes=n_classes, flip_y=0.1, random_state=0
        )
        data = X[:200], y[:200], X[200:], y[200:]
        few = X[:12], y[:12], X[200:201], y[200:201]
        for rows, n_neighbors in ((data, 1), (data, 5), (data, 20), (few, 20)):
            one, other = (f(*rows, n_neighbors) for f in (published, ours))
            print(
                f"{n_classes} classes, {len(rows[1]):>3} rows, K = {n_neighbors:>2}: "
                f"largest difference {np.abs(one - other).max():.0e}, largest value "
                f"{np.abs(other).max():.3f}"
            )


if __name__ == "__main__":
    main()
