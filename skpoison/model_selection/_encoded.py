"""Attacks behind an encoder."""

from dataclasses import replace

import numpy as np
from sklearn.base import _fit_context, clone
from sklearn.impute import SimpleImputer
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import Pipeline

from skpoison.base import BasePoisoner
from skpoison.feasible_sets import Frozen


class EncodedAttack(BasePoisoner):
    """An attack that sees the rows as an encoder turns them into numbers.

    The encoder is fitted on the training rows, as the victim fits its own. What the
    attack does to labels and rows is done to the rows as they came: labels are flipped,
    and rows are cloned or deleted. What an attack writes into features cannot be
    decoded: it is refused, unless the encoder does no more than fill in missing values.

    Parameters
    ----------
    attack : sampler
        The attack.
    encoder : transformer
        Turns the rows into numbers.
    budget : float or int, default=0.1
        The budget of the attack, instead of its own.
    keep_features : bool, default=False
        Whether an attack that moves rows leaves the features of its clones as they are,
        and chooses their responses alone: these need not be decoded.
    """

    _reads_features = False

    def __init__(self, attack, encoder, budget=0.1, keep_features=False):
        super().__init__(budget)
        self.attack = attack
        self.encoder = encoder
        self.keep_features = keep_features

    def _takes_responses(self):
        return self.attack._takes_responses()

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_resample(self, X, y, *, trusted=None, groups=None):
        """Poison a training set.

        Parameters
        ----------
        X : {array-like, dataframe} of shape (n_samples, n_features)
            The training rows, as the encoder takes them.
        y : array-like of shape (n_samples,)
            Their labels.
        trusted : array-like of shape (n_samples,) of bool, default=None
            Rows that the attacker cannot touch.
        groups : array-like of shape (n_samples,), default=None
            The groups of the rows, if the attack takes them.

        Returns
        -------
        X_poisoned : same type as X, of shape (n_samples_out, n_features)
            The rows after the attack.
        y_poisoned : same type as y, of length n_samples_out
            Their labels.
        """
        return self._fit_resample(X, y, trusted=trusted, groups=groups)

    def _poison(self, X, y, *, n_poison, trusted, random_state, groups=None):
        encoded = clone(self.encoder).fit_transform(X, y)
        self.attack_ = clone(self.attack).set_params(budget=n_poison)
        if self.keep_features:
            columns = np.arange(encoded.shape[1])
            self.attack_.set_params(feasible_set=Frozen(columns))
        params = {} if groups is None else {"groups": groups}
        self.attack_.fit_resample(encoded, y, trusted=trusted, **params)
        poison = self.attack_.poison_
        if self.keep_features:
            poison = _as_clones(poison, encoded)
        clones = poison.X_inserted is None or poison.X_inserted.ndim == 1
        writes = poison.X_modified is not None or not clones
        if writes and not keeps_columns(self.encoder):
            raise ValueError(
                "attack must not write features behind an encoder, which cannot be "
                f"undone; got {self.attack!r} behind {self.encoder!r}. Encode the rows "
                "before the attack."
            )
        return poison


def _as_clones(poison, X):
    """Return poison whose features are those of the training rows, by their positions.

    Parameters
    ----------
    poison : Poison
        The poison; its inserted rows have the features of training rows, and its
        modified ones have kept theirs.
    X : ndarray of shape (n_samples, n_features)
        The training rows.

    Returns
    -------
    poison : Poison
    """
    if poison.X_modified is not None:
        return replace(poison, modified=None, X_modified=None)
    if poison.X_inserted is None or poison.X_inserted.ndim == 1:
        return poison
    nearest = NearestNeighbors(n_neighbors=1).fit(X)
    rows = nearest.kneighbors(poison.X_inserted, return_distance=False)
    return replace(poison, X_inserted=rows[:, 0])


def keeps_columns(encoder):
    """Return whether an encoder leaves the columns as they are, but for missing values.

    Parameters
    ----------
    encoder : transformer
        The encoder.

    Returns
    -------
    keeps_columns : bool
    """
    steps = [encoder]
    if isinstance(encoder, Pipeline):
        steps = [step for _, step in encoder.steps]
    return all(
        isinstance(step, SimpleImputer)
        and step.keep_empty_features
        and not step.add_indicator
        for step in steps
    )
