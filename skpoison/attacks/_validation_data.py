"""The attacker's validation data.

On which rows does the attacker measure the goal, and which rows does the surrogate
learn from meanwhile? Either `X_val` and `y_val` are given to `fit_resample`, or the
parameter `validation` says how the training rows are divided.
"""

from copy import deepcopy
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import _check_feature_names

from skpoison.utils._containers import is_frame, is_text, take_rows
from skpoison.utils._splitters import needs_groups, takes_groups
from skpoison.utils._targets import check_labels, check_responses
from skpoison.utils._texts import listed
from skpoison.utils._validation import (
    InstanceWith,
    any_features,
    check_squares,
    numeric_features,
)

# What the parameter `validation` of an attack can be.
VALIDATION = [
    Interval(Real, 0, 1, closed="neither"),
    Interval(Integral, 2, None, closed="left"),
    InstanceWith(["split", "get_n_splits"]),
    None,
]

# What an error suggests if rows cannot be split at random.
WAYS_OUT = {
    "validation": (
        "Take another share, or give `X_val` and `y_val` to `fit_resample`."
    ),
    "known_fraction": "Raise it; 1.0 stands for all rows.",
}


@dataclass(frozen=True)
class Fold:
    """Rows that the surrogate learns from, and rows that the goal is measured on.

    Parameters
    ----------
    train : ndarray of shape (n_train,) of int
        Positions of the rows learnt from, among the rows that the attacker knows.
    X : {ndarray, csr matrix} of shape (n_val, n_features), default=None
        The validation rows; None for a goal that needs none.
    y : ndarray of shape (n_val,), default=None
        Their labels, as positions among the classes, or their responses.
    rows : ndarray of shape (n_val,) of int, default=None
        Their positions among the rows that the attacker knows; None if they are not
        among them.
    """

    train: np.ndarray
    X: np.ndarray | None = None
    y: np.ndarray | None = None
    rows: np.ndarray | None = None


def check_validation_data(attack, X, X_val, y_val):
    """Check the validation rows given to `fit_resample`.

    Parameters
    ----------
    attack : BasePoisoner
        The attack; it has `classes_` unless it takes responses.
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        The training rows.
    X_val : {array-like, sparse matrix, dataframe} of shape (n_val, n_features) or None
        The validation rows.
    y_val : array-like of shape (n_val,) or None
        Their labels or responses.

    Returns
    -------
    X_val : {ndarray, csr matrix} of shape (n_val, n_features), or None
        The rows, sparse if the training rows are.
    y_val : ndarray of shape (n_val,), or None
        The labels, as positions among the classes, or the responses.

    Raises
    ------
    ValueError
        If one of them is missing, or they do not go with the training rows.
    """
    if (X_val is None) != (y_val is None):
        missing, given = ("y_val", "X_val") if y_val is None else ("X_val", "y_val")
        raise ValueError(
            f"`X_val` and `y_val` must be given together; got `{given}` without "
            f"`{missing}`."
        )
    if X_val is None:
        return None, None
    _check_feature_names(attack, X_val, reset=False)
    if attack._passes_features_on():
        X_val = any_features(attack, X_val)
    else:
        X_val = numeric_features(
            attack, X_val, name="X_val", accept_sparse="csr", dtype=np.float64
        )
        check_squares(X_val, "X_val")
    takes_responses = attack._takes_responses()
    if takes_responses:
        y_val = check_responses(attack, y_val)
    else:
        y_val = column_or_1d(check_labels(attack, y_val, training=False))
    if X_val.shape[0] != y_val.shape[0]:
        raise ValueError(
            "`X_val` and `y_val` must have the same number of rows; got "
            f"{X_val.shape[0]} and {y_val.shape[0]}."
        )
    if is_text(X) != is_text(X_val):
        raise ValueError(
            "X_val must hold texts as X does, or features as X does; got texts in "
            f"{'X' if is_text(X) else 'X_val'} alone."
        )
    if not is_text(X) and X_val.shape[1] != X.shape[1]:
        raise ValueError(
            f"`X_val` must have the {X.shape[1]} features of X; got {X_val.shape[1]}."
        )
    if not is_frame(X_val) and sparse.issparse(X) != sparse.issparse(X_val):
        X_val = sparse.csr_array(X_val) if sparse.issparse(X) else X_val.toarray()
    if takes_responses:
        return X_val, y_val
    unknown = np.setdiff1d(y_val, attack.classes_)
    if unknown.size:
        raise ValueError(
            f"`y_val` must hold labels of y, which are {listed(attack.classes_)}; got "
            f"{listed(unknown)}."
        )
    return X_val, np.searchsorted(attack.classes_, y_val)


def make_folds(validation, X, codes, positions, random_state, *, stratify, groups=None):
    """Divide training rows into rows to learn from and validation rows.

    Parameters
    ----------
    validation : float, int, splitter or "all"
        A share of the rows to set aside, a number of folds, a splitter of scikit-learn,
        or "all": the goal is measured on all rows, which are all learnt from too.
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        The rows that the attacker knows.
    codes : ndarray of shape (n_samples,)
        Their labels, as positions among the classes, or their responses.
    positions : ndarray of shape (n_positions,) of int
        The rows that may be set aside. The surrogate learns from all others in every
        fold.
    random_state : RandomState
        The only source of randomness, also of a splitter that has no seed.
    stratify : bool
        Whether the shares of classes are kept: whether codes are those of classes.
    groups : ndarray of shape (n_samples,), default=None
        The group of each row, for a splitter that takes groups.

    Returns
    -------
    folds : list of Fold

    Raises
    ------
    ValueError
        If there are too few rows, in all or of a class.
    """
    everything = np.arange(codes.shape[0])
    if isinstance(validation, str):
        X_val = take_rows(X, positions)
        return [Fold(everything, X_val, codes[positions], positions)]
    always = np.setdiff1d(everything, positions)
    if isinstance(validation, Integral):
        _check_folds(validation, codes[positions], stratify)
        splitter = (StratifiedKFold if stratify else KFold)(
            validation, shuffle=True, random_state=random_state
        )
    elif hasattr(validation, "split"):
        splitter = _seeded(validation, random_state)
    else:
        rows, _ = split_rows(
            "validation", validation, codes, positions, random_state, stratify=stratify
        )
        train = np.setdiff1d(everything, rows)
        return [Fold(train, take_rows(X, rows), codes[rows], rows)]
    folds = []
    rows = take_rows(X, positions)
    if groups is not None:
        groups = groups[positions]
    for train, test in _split(splitter, validation, rows, codes[positions], groups):
        rows = positions[test]
        learnt_from = np.union1d(always, positions[train])
        folds.append(Fold(learnt_from, take_rows(X, rows), codes[rows], rows))
    return folds


def _split(splitter, validation, X, codes, groups):
    """Split rows, or raise an error that says what the splitter has to do."""
    n_rows = codes.shape[0]
    why = (
        f"`validation` must split the {n_rows} rows that can be set aside (known, and "
        "not to be modified) by their labels or responses"
        + (" alone" if groups is None else " and their groups")
        + f"; got {validation!r}, "
    )
    way_out = "Take another splitter, or give `X_val` and `y_val` to `fit_resample`."
    try:
        splits = list(splitter.split(X, codes, groups))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{why}which cannot ({error}). {way_out}") from error
    for part in (part for split in splits for part in split):
        if part.dtype != bool and part.size and part.max() >= n_rows:
            raise ValueError(f"{why}which returns the row {part.max()}. {way_out}")
    return splits


def check_groups(groups, validation, n_samples):
    """Check the groups of rows given to `fit_resample`.

    Parameters
    ----------
    groups : array-like of shape (n_samples,) or None
        The group of each row.
    validation : object
        The parameter `validation` of the attack.
    n_samples : int
        The number of rows.

    Returns
    -------
    groups : ndarray of shape (n_samples,) or None

    Raises
    ------
    ValueError
        If they are missing for a splitter that takes them, if they are given for
        anything else, or if there is not one for each row.
    """
    if groups is None:
        if needs_groups(validation):
            raise ValueError(
                "`groups` must be given to fit_resample, the group of each row, for "
                f"validation={validation!r}. In a Pipeline, enable metadata routing "
                "and call set_fit_resample_request(groups=True) on the attack."
            )
        return None
    if not takes_groups(validation):
        raise ValueError(
            "`groups` must be None unless `validation` is a splitter that takes "
            f"groups, such as GroupKFold(3); got validation={validation!r}. Take "
            "another `validation`, or leave `groups` out."
        )
    groups = column_or_1d(groups)
    if groups.shape[0] != n_samples:
        raise ValueError(
            f"`groups` must have one entry for each of the {n_samples} rows of X; got "
            f"{groups.shape[0]}."
        )
    return groups


def split_rows(name, fraction, codes, positions, random_state, *, stratify):
    """Split rows in two at random.

    Parameters
    ----------
    name : str
        The parameter that error messages name.
    fraction : float
        Its value, the share of the first part.
    codes : ndarray of shape (n_samples,)
        The labels, or responses, of all rows.
    positions : ndarray of shape (n_positions,) of int
        The rows to split.
    random_state : RandomState
        The only source of randomness.
    stratify : bool
        Whether both parts have the same shares of classes.

    Returns
    -------
    first, second : ndarray of int
        The positions in either part, in random order.

    Raises
    ------
    ValueError
        If a part would be empty or miss a class.
    """
    labels = codes[positions]
    try:
        return train_test_split(
            positions,
            train_size=float(fraction),
            stratify=labels if stratify else None,
            random_state=random_state,
        )
    except ValueError as error:
        classes = f" of {np.unique(labels).shape[0]} classes" if stratify else ""
        ways_out = WAYS_OUT[name]
        if positions.shape[0] < codes.shape[0] and name == "validation":
            ways_out += (
                " Or lower the budget: the rows to be modified are not among them."
            )
        raise ValueError(
            f"`{name}` must leave rows of every class in both parts; got {fraction} "
            f"for {labels.shape[0]} rows{classes}. {ways_out}"
        ) from error


def _check_folds(n_folds, codes, stratify):
    """Check that every fold gets a row, of every class if there are classes."""
    counts = np.unique(codes, return_counts=True)[1] if stratify else [codes.shape[0]]
    fewest = min(counts, default=0)
    if fewest < n_folds:
        raise ValueError(
            f"`validation` must not exceed the {fewest} rows "
            + ("of the rarest class" if stratify else "that can be set aside")
            + f"; got {n_folds} folds. Take fewer folds, or give `X_val` and `y_val` "
            "to `fit_resample`."
        )


def _seeded(splitter, random_state):
    """Return a copy of a splitter, with a seed if it draws at random without one."""
    splitter = deepcopy(splitter)
    is_random = getattr(splitter, "shuffle", True) and hasattr(splitter, "random_state")
    if is_random and splitter.random_state is None:
        splitter.random_state = random_state.randint(np.iinfo(np.int32).max)
    return splitter
