"""Trimmed fits and spectral signatures beside public implementations.

Least trimmed squares of ltsfit (FAST-LTS), and spectral signatures of the Adversarial
Robustness Toolbox, on random rows a fifth of which are gross errors. Prints, for each
seed,

* the trimmed mean squared error of ltsfit and of `TrimmedRegressor` for the same number
  of rows: less is better, and equal means that both have found the same rows;
* the largest difference of the scores of the toolbox and ours, relative to the largest
  score. The toolbox does not centre the rows that it projects, as the paper does, so it
  is given rows of mean 0.

Neither package is needed otherwise:
``pip install ltsfit adversarial-robustness-toolbox``

Run: ``python benchmarks/trimmed_oracles.py``
"""

import argparse
import contextlib
import io
import warnings

import numpy as np
from sklearn.linear_model import LinearRegression

from skpoison.defences import TrimmedRegressor
from skpoison.defences._singular_scores import OuterProducts, singular_scores

N_SAMPLES, N_FEATURES, N_WRONG = 200, 5, 40


def data(seed):
    """Make rows of which the first are wrong together."""
    rng = np.random.RandomState(seed)
    X = rng.standard_normal((N_SAMPLES, N_FEATURES))
    y = X @ rng.standard_normal(N_FEATURES) + 0.5 * rng.standard_normal(N_SAMPLES)
    X[:N_WRONG] += rng.standard_normal(N_FEATURES)
    y[:N_WRONG] = 5 - y[:N_WRONG]
    return X, y


def trimmed_error(y, predicted, n_kept):
    """Return the mean of the smallest squared residuals."""
    return np.sort((y - predicted) ** 2)[:n_kept].mean()


def beside_ltsfit(X, y, seed):
    """Return the trimmed error of ltsfit, of ours, and the share of equal verdicts."""
    from ltsfit.ltsfit import ltsfit

    with contextlib.redirect_stdout(io.StringIO()):
        other = ltsfit(
            X,
            y,
            np.zeros_like(X),
            np.full(N_SAMPLES, 0.5),
            frac=0.75,
            clip=3,
            pivot=np.zeros(N_FEATURES),
            plot=False,
        )
    n_kept = int(other.mask.sum())
    ours = TrimmedRegressor(
        LinearRegression(), contamination=1 - n_kept / N_SAMPLES, random_state=seed
    ).fit(X, y)
    predicted = other.coef[0] + X @ other.coef[1:]
    return (
        trimmed_error(y, predicted, n_kept),
        trimmed_error(y, ours.predict(X), n_kept),
        np.mean(other.mask == ours.inlier_mask_),
    )


def beside_art(X, seed):
    """Return the largest difference of scores, relative to the largest score."""
    from art.defences.detector.poison import SpectralSignatureDefense

    centred = X - X.mean(axis=0)
    theirs = SpectralSignatureDefense.spectral_signature_scores(centred)[:, 0] ** 2
    ones = np.ones(N_SAMPLES)
    products = OuterProducts(X, ones[:, np.newaxis])
    ours = singular_scores(products, ones, np.random.RandomState(seed))
    return np.abs(theirs - ours).max() / ours.max()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    warnings.simplefilter("ignore")
    print(f"{'seed':<6}{'ltsfit':>12}{'trimmed':>12}{'same rows':>12}{'spectral':>12}")
    for seed in range(parser.parse_args().seeds):
        X, y = data(seed)
        theirs, ours, same = beside_ltsfit(X, y, seed)
        difference = beside_art(X, seed)
        print(f"{seed:<6}{theirs:>12.6f}{ours:>12.6f}{same:>12.3f}{difference:>12.1e}")


if __name__ == "__main__":
    main()
