"""Validation of per-row metadata, features and parameters."""

from contextlib import contextmanager
from inspect import isclass
from math import isclose
from numbers import Real

import narwhals.stable.v2 as nw
import numpy as np
from scipy import sparse
from sklearn.utils import check_array
from sklearn.utils._param_validation import HasMethods, make_constraint
from sklearn.utils.validation import _num_samples, validate_data

from skpoison.utils._containers import canonical, is_frame, is_text

# Squares of larger numbers, and sums of such squares, can overflow.
LARGEST = 1e150


class InstanceWith(HasMethods):
    """Constraint of a parameter: an instance with methods, and not its class.

    A class has the methods, too, so `HasMethods` lets it through.

    Parameters
    ----------
    methods : str or list of str
        The methods.
    """

    def is_satisfied_by(self, value):
        """Return whether the value satisfies the constraint."""
        return not isclass(value) and super().is_satisfied_by(value)

    def __str__(self):
        return (
            super()
            .__str__()
            .replace("an object", "an instance (Name(...), not the class Name)")
        )


class Described(HasMethods):
    """Constraint of a parameter, described in words of its own.

    It derives from a constraint because scikit-learn accepts no others.

    Parameters
    ----------
    constraint : object
        A constraint as in `_parameter_constraints`.
    text : str
        What errors say that the parameter must be.
    """

    def __init__(self, constraint, text):
        super().__init__("__init__")
        self.constraint, self.text = make_constraint(constraint), text

    def is_satisfied_by(self, value):
        """Return whether the value satisfies the constraint."""
        return self.constraint.is_satisfied_by(value)

    def __str__(self):
        return self.text


def check_instance(value, name):
    """Raise if a value is a class instead of an instance of it.

    Parameters
    ----------
    value : object
        The value.
    name : str
        Name of the parameter.

    Raises
    ------
    ValueError
        If it is a class.
    """
    if isclass(value):
        raise ValueError(
            f"{name} must be an instance; got the class {value.__name__}. Write "
            f"{value.__name__}(...)."
        )


def check_default(estimator, reason, **defaults):
    """Raise if a parameter is set that has no meaning beside another one.

    Parameters
    ----------
    estimator : estimator
        The estimator with the parameters.
    reason : str
        When they have no meaning, and what to do instead: "if ...".
    **defaults : dict
        The default of each parameter.

    Raises
    ------
    ValueError
        If one of them has another value.
    """
    for name, default in defaults.items():
        value = getattr(estimator, name)
        is_default = value is default or value == default
        if isinstance(default, float) and isinstance(value, Real):
            # A number of NumPy may be rounded to 32 bits.
            is_default = isclose(value, default, rel_tol=1e-7)
        if not is_default:
            raise ValueError(f"{name} must be {default!r} {reason}; got {value!r}.")


def changes_to(estimator, wanted):
    """Return which parameters of an estimator have to be changed, for an error.

    Parameters
    ----------
    estimator : estimator
        The estimator.
    wanted : dict of str to object
        The values that parameters must have.

    Returns
    -------
    changes : str
        Such as "tol=0, loss='squared_error'"; empty if there is nothing to change.
    """
    return ", ".join(
        f"{name}={value!r}"
        for name, value in wanted.items()
        if getattr(estimator, name) != value
    )


def forget_fit(estimator):
    """Delete what an earlier fit has set: attributes whose names end in "_".

    A fit with other parameters or data may not set all of them again.

    Parameters
    ----------
    estimator : estimator
        The estimator.
    """
    for name in list(vars(estimator)):
        if name.endswith("_") and not name.startswith("_"):
            delattr(estimator, name)


def check_trusted(trusted, X):
    """Check a mask of trusted rows.

    Parameters
    ----------
    trusted : array-like of shape (n_samples,) of bool, or None
        The mask. None: no row is known to be clean.
    X : array-like of length n_samples
        The rows.

    Returns
    -------
    trusted : ndarray of shape (n_samples,) of bool

    Raises
    ------
    ValueError
        If it is not a boolean mask, or has another length than X.
    """
    n_samples = _num_samples(X)
    if trusted is None:
        return np.zeros(n_samples, dtype=bool)
    mask = np.asarray(trusted)
    if mask.ndim != 1:
        raise ValueError(
            "trusted must be a one-dimensional mask, a boolean for each row of X; got "
            f"an array of shape {mask.shape}."
        )
    if mask.shape[0] != n_samples:
        raise ValueError(
            f"trusted has {mask.shape[0]} entries, but X has {n_samples} rows. Give "
            "one boolean for each row; after an attack that inserts rows, pad with "
            "False."
        )
    if mask.dtype != bool:
        odd = is_missing(mask)
        odd[~odd] = ~np.isin(mask[~odd], [0, 1])
        if odd.any():
            raise ValueError(
                f"trusted must be a mask of booleans, one for each row of X; got "
                f"{mask[odd][0]!r} in it. To turn positions into a mask: "
                "mask = np.zeros(len(X), dtype=bool); mask[positions] = True."
            )
        mask = mask.astype(bool)
    return mask


def check_mask(mask, name):
    """Return a mask of rows as an array.

    Parameters
    ----------
    mask : array-like of shape (n_samples,) of bool
        The mask.
    name : str
        Name of the parameter.

    Returns
    -------
    mask : ndarray of shape (n_samples,) of bool

    Raises
    ------
    ValueError
        If it is not a boolean mask of one dimension.
    """
    values = np.asarray(mask)
    if values.ndim != 1 or not values.size or values.dtype != bool:
        raise ValueError(
            f"`{name}` must be a one-dimensional mask, a boolean for each row; got an "
            f"array of {values.dtype} of shape {values.shape}."
        )
    return values


def is_missing(values):
    """Return which values are missing: None, NaN, NaT or pandas' NA.

    Parameters
    ----------
    values : ndarray
        Values of any type.

    Returns
    -------
    missing : ndarray of bool, of the same shape
    """
    pd = nw.dependencies.get_pandas()
    if pd is not None:
        return np.asarray(pd.isna(values))
    # Without pandas there is no NA; NaN and NaT are other than themselves.
    return np.equal(values, None) | (values != values)


def any_features(estimator, X):
    """Return X for estimators that check it themselves.

    Parameters
    ----------
    estimator : estimator
        The estimator that errors name.
    X : array-like, sparse matrix or dataframe of shape (n_samples, n_features), or \
            texts of length n_samples
        The data: missing values, words and categories among them.

    Returns
    -------
    X : {ndarray, csr matrix, dataframe} of shape (n_samples, n_features), or \
            {ndarray, series} of shape (n_samples,)
        A dataframe or a series as it is. Integers become floats; anything else keeps
        its type.
    """
    if is_frame(X):
        return X
    if is_text(X):
        return X if nw.dependencies.is_into_series(X) else np.asarray(X, dtype=object)
    if not hasattr(X, "dtype") and np.asarray(X).dtype.kind in "SU":
        X = np.asarray(X, dtype=object)  # numbers beside words stay numbers
    X = check_array(
        canonical(X),
        accept_sparse="csr",
        dtype=None,
        ensure_all_finite=False,
        estimator=estimator,
        input_name="X",
    )
    return X.astype(np.float64) if X.dtype.kind in "iu" else X


def record_features(estimator, X, *, reset=True):
    """Set the number and the names of the features, or compare them with those set.

    Texts have no features: nothing is set for them.

    Parameters
    ----------
    estimator : estimator
        The estimator.
    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, n_features), or texts \
            of length n_samples
        The data.
    reset : bool, default=True
        Whether to set the attributes.
    """
    if not is_text(X):
        validate_data(estimator, X, skip_check_array=True, reset=reset)


def check_is_collected(X):
    """Raise if X is a query for a dataframe instead of a dataframe.

    Parameters
    ----------
    X : object
        The data.

    Raises
    ------
    ValueError
        If it is a lazy frame of polars.
    """
    if nw.dependencies.is_polars_lazyframe(X):
        raise ValueError("X must be a dataframe; got a LazyFrame. Pass X.collect().")


def check_squares(X, name="X"):
    """Raise if the squares of some numbers overflow.

    Parameters
    ----------
    X : {ndarray, sparse matrix}
        Finite numbers, or NaN.
    name : str, default="X"
        What errors call them.

    Raises
    ------
    ValueError
        If a number is larger than 1e150, or less than -1e150.
    """
    values = X.data if sparse.issparse(X) else X
    if values.dtype != np.float64 or not values.size:
        return  # no other type holds numbers as large
    largest = max(np.fmax.reduce(values, axis=None), -np.fmin.reduce(values, axis=None))
    if largest > LARGEST:
        raise ValueError(
            f"{name} must hold numbers of at most {LARGEST:g} in magnitude, whose "
            f"squares can be summed; got {largest:g}. Divide {name} by a constant."
        )


def numeric_features(estimator, X, *, name="X", **check_params):
    """Return X as numbers, or raise an error that names the columns that are not.

    Parameters
    ----------
    estimator : estimator
        The estimator that errors name.
    X : array-like, sparse matrix or dataframe of shape (n_samples, n_features)
        The data.
    name : str, default="X"
        What errors call the data.
    **check_params : dict
        Passed on to :func:`sklearn.utils.check_array`.

    Returns
    -------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)

    Raises
    ------
    ValueError
        If X holds texts or columns of words, or is invalid.
    """
    # An attack that computes with numbers only by default knows another way out.
    otherwise = getattr(estimator, "_instead_of_numbers", "")
    if is_text(X):
        raise ValueError(
            f"{type(estimator).__name__} computes with numbers, but {name} holds "
            "texts. Turn them into numbers in a step before it, for example by "
            f"TfidfVectorizer{otherwise}."
        )
    if is_frame(X):
        # Columns of a type unknown here (objects, pandas' sparse columns) can hold
        # numbers: they are left to check_array.
        words = [
            name
            for name, dtype in nw.from_native(X, eager_only=True).schema.items()
            if not (dtype.is_numeric() or dtype in (nw.Boolean, nw.Object, nw.Unknown))
        ]
        if words:
            raise ValueError(
                f"{type(estimator).__name__} computes with numbers, but these columns "
                f"hold none: {', '.join(map(str, words))}. Encode them in a step "
                "before it, for example by a ColumnTransformer with OneHotEncoder or "
                f"TfidfVectorizer{otherwise}."
            )
    try:
        with refused_na(name):
            return check_array(
                canonical(X), estimator=estimator, input_name=name, **check_params
            )
    except ValueError as error:
        reason = str(error).partition(".")[0]
        if reason == f"Input {name} contains NaN":
            # scikit-learn recommends another estimator, which is not what fails here.
            raise ValueError(
                f"{reason}. {type(estimator).__name__} computes with numbers and takes "
                "no missing values. Fill them in in a step before it, for example by "
                f"SimpleImputer, or drop these rows{otherwise}."
            ) from error
        if reason.startswith("could not convert string to float"):
            word = str(error).partition(": ")[2]
            raise ValueError(
                f"{type(estimator).__name__} computes with numbers, but {name} holds "
                f"{word}. Encode words in a step before it, for example by a "
                f"ColumnTransformer with OneHotEncoder or TfidfVectorizer{otherwise}."
            ) from error
        raise


@contextmanager
def refused_na(name):
    """Turn the TypeError of numpy about pandas' NA into one about a missing value.

    Parameters
    ----------
    name : str
        What errors call the values.
    """
    try:
        yield
    except TypeError as error:
        if "NAType" not in str(error):
            raise
        raise ValueError(
            f"Input {name} contains NaN: it holds pandas' NA among objects. Fill in or "
            "drop what is missing, and convert it to numbers."
        ) from error
