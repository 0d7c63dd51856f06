"""Columns of a table as rows, and their encoding as numbers."""

from dataclasses import dataclass

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, OneHotEncoder, StandardScaler
from sklearn.utils import get_tags

# More columns of zeros and ones than that are stored as a sparse matrix.
MOST_DENSE = 200
# Rows of more numbers, of which less than this share is not 0, are stored as such, too.
LARGE, SPARSE = 1_000_000, 0.1
# The most frequent words, for an estimator that takes no sparse matrix.
MOST_WORDS = 1000


@dataclass
class Layout:
    """The columns of a table.

    In rows the numbers come first, then the categories and the texts.

    Parameters
    ----------
    numbers, categories, texts : dict of str to ndarray of shape (n_samples,)
        The columns by name.
    """

    numbers: dict
    categories: dict
    texts: dict

    @property
    def names(self):
        """Names of the columns, in their order in the rows."""
        return [*self.numbers, *self.categories, *self.texts]

    @property
    def words(self):
        """Names of the columns that are not numbers."""
        return [*self.categories, *self.texts]

    @property
    def n_missing(self):
        """How many numbers are missing."""
        return sum(int(np.isnan(column).sum()) for column in self.numbers.values())

    @property
    def n_encoded(self):
        """Number of columns behind the encoder, without those of texts."""
        words = self.categories.values()
        return len(self.numbers) + sum(np.unique(c).shape[0] for c in words)

    def columns(self):
        """Return all columns by name, in their order in the rows."""
        return self.numbers | self.categories | self.texts

    def rows(self):
        """Return the rows: floats, or objects if there are words."""
        dtype = object if self.words else float
        columns = [column.astype(dtype) for column in self.columns().values()]
        return np.column_stack(columns)

    def describe(self):
        """Return what the columns are and how they are encoded, in words."""
        n_numbers = len(self.numbers)
        parts = [f"{n_numbers} of numbers"] if n_numbers else []
        if self.n_missing:
            parts[0] += f" ({self.n_missing} missing: the median instead)"
        if self.categories:
            parts.append(f"{len(self.categories)} of categories (one-hot)")
        if self.texts:
            parts.append(f"{len(self.texts)} of text (TF-IDF)")
        return f"columns: {', '.join(parts)}"


def make_encoder(estimator, *, layout=None, is_sparse=False):
    """Return the steps that turn rows into numbers of comparable scale.

    Parameters
    ----------
    estimator : estimator
        The estimator behind them. If it takes no sparse matrix, it gets none.
    layout : Layout, default=None
        What the columns are. None: numbers, none of them missing.
    is_sparse : bool, default=False
        Whether the rows are sparse: they are then scaled without being centred.

    Returns
    -------
    steps : list of (str, transformer)
    """
    if layout is None:
        scaler = MaxAbsScaler() if is_sparse else StandardScaler()
        return [(type(scaler).__name__.lower(), scaler)]
    numbers = [("standardscaler", StandardScaler())]
    if layout.n_missing:
        # The training rows of a fold may have no value at all.
        imputer = SimpleImputer(strategy="median", keep_empty_features=True)
        numbers.insert(0, ("simpleimputer", imputer))
    if not layout.words:
        return numbers
    n_words = sum(np.unique(c).shape[0] for c in layout.categories.values())
    takes_sparse = get_tags(estimator).input_tags.sparse
    gets_sparse = takes_sparse and bool(layout.texts or n_words > MOST_DENSE)
    positions = iter(range(len(layout.names)))
    parts = []
    if layout.numbers:
        places = [next(positions) for _ in layout.numbers]
        parts.append(("numbers", Pipeline(numbers), places))
    if layout.categories:
        places = [next(positions) for _ in layout.categories]
        encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=gets_sparse)
        parts.append(("categories", encoder, places))
    for name in layout.texts:
        vectorizer = TfidfVectorizer(max_features=None if takes_sparse else MOST_WORDS)
        parts.append((f"text {name}".replace("__", "_"), vectorizer, next(positions)))
    # A threshold of 1 makes everything sparse, one of 0 everything dense.
    encoder = ColumnTransformer(parts, sparse_threshold=float(gets_sparse))
    return [("columntransformer", encoder)]


def is_mostly_zero(X):
    """Return whether rows are large and have few numbers other than 0.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        The rows.

    Returns
    -------
    is_mostly_zero : bool
    """
    return X.size > LARGE and np.count_nonzero(X) < SPARSE * X.size


def make_frame(layout):
    """Return the rows as a dataframe, for pipelines that name columns.

    Parameters
    ----------
    layout : Layout
        The columns.

    Returns
    -------
    frame : dataframe or None
        Of pandas, or else of polars; None if neither is installed.
    """
    for module in ("pandas", "polars"):
        try:
            return __import__(module).DataFrame(layout.columns())
        except ImportError:
            continue
    return None
