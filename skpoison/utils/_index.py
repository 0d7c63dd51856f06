"""Labels of inserted rows in a pandas index.

Rows that were there before keep their labels. An inserted row gets a label of the same
kind that no other row has, so that frames and series can be compared and joined by
their labels after an attack.
"""

from itertools import count, islice

import numpy as np


def extend_index(index, n_new):
    """Return a pandas index with labels for rows that are appended.

    The new labels depend on the labels of `index` alone, so X and y with the same index
    have the same index afterwards.

    Parameters
    ----------
    index : pandas.Index of length n_samples
        The labels of the rows. They may repeat.
    n_new : int
        Number of rows that are appended.

    Returns
    -------
    index : pandas.Index of length n_samples + n_new
        The labels given, then new ones, which are all different and not among those
        given. Names are kept. By the kind of the labels:

        * integers and floats: the integers that follow the largest label;
        * dates, durations and periods: continued after the last one, in steps of the
          frequency of the index, or of a day if it has none;
        * several levels: a new label in each level;
        * categories: new categories, of the kind of the old ones;
        * strings and anything else: "poison-0", "poison-1", ... without those that
          occur already.
    """
    import pandas as pd

    if not n_new:
        return index
    if isinstance(index, pd.MultiIndex):
        levels = [
            extend_index(index.get_level_values(level), n_new)
            for level in range(index.nlevels)
        ]
        return pd.MultiIndex.from_arrays(levels, names=index.names)
    if isinstance(index, pd.CategoricalIndex):
        return _extend_categories(index, n_new)
    new = _continuation(index, n_new)
    if new is not None and new.is_unique and not new.isin(index).any():
        extended = index.append(new)
        if getattr(index, "freq", None) is not None and extended.dtype == index.dtype:
            extended = type(index)(extended, freq=index.freq)
        return extended.rename(index.name)
    taken = set(index[index.map(lambda label: isinstance(label, str))])
    fresh = (name for name in map("poison-{}".format, count()) if name not in taken)
    names = pd.Index(list(islice(fresh, n_new)), dtype=object)
    if pd.api.types.is_string_dtype(index.dtype):
        return index.append(names.astype(index.dtype)).rename(index.name)
    return index.astype(object).append(names).rename(index.name)


def _extend_categories(index, n_new):
    """Return an index of categories with categories for new rows."""
    import pandas as pd

    categories = extend_index(index.categories, n_new)
    codes = np.arange(len(index.categories), len(categories))
    values = pd.Categorical.from_codes(
        np.concatenate([index.codes, codes]),
        categories=categories,
        ordered=index.ordered,
    )
    return pd.CategoricalIndex(values, name=index.name)


def _continuation(index, n_new):
    """Return labels that follow the largest one; None if there is no such thing."""
    import pandas as pd

    types = pd.api.types
    steps = np.arange(1, n_new + 1)
    if not len(index.dropna()):
        return None
    if types.is_integer_dtype(index.dtype):
        return _integers_after(int(index.dropna().max()), n_new, index.dtype)
    if types.is_float_dtype(index.dtype):
        values = np.floor(float(index.dropna().max())) + steps
        return pd.Index(values).astype(index.dtype)
    try:
        if isinstance(index, pd.PeriodIndex):
            return pd.PeriodIndex([index.max() + step for step in steps.tolist()])
        if isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex):
            has_freq = index.freq is not None
            values = [index[-1] if has_freq else index.max()]
            for _ in range(n_new):
                values.append(
                    values[-1] + (index.freq if has_freq else pd.Timedelta(days=1))
                )
            return type(index)(values[1:]).astype(index.dtype)
    except (OverflowError, ValueError):
        pass  # beyond the last date of its type
    return None


def _integers_after(largest, n_new, dtype):
    """Return the integers after one, in a dtype that they fit in; None if none does."""
    import pandas as pd

    if largest + n_new > np.iinfo(np.int64).max:
        return None
    new = pd.RangeIndex(largest + 1, largest + 1 + n_new)
    name = str(getattr(dtype, "subtype", dtype)).partition("[")[0].lower()
    if name == "int64" or largest + n_new > np.iinfo(name).max:
        return new
    return new.astype(dtype)
