"""Electricity prices of New South Wales: a stream that drifts."""

from io import BytesIO

import numpy as np
from sklearn.utils import Bunch
from sklearn.utils._optional_dependencies import check_pandas_support
from sklearn.utils._param_validation import validate_params

from skpoison.datasets._cache import (
    FETCHER_CONSTRAINTS,
    RemoteFile,
    Source,
    load_arrays,
)

_FEATURE_NAMES = [
    "period",
    "nswprice",
    "nswdemand",
    "vicprice",
    "vicdemand",
    "transfer",
]

_DESCR = """\
Elec: 45312 half-hours of the electricity market of New South Wales, from May 1996 to
December 1998, in their order (26075 down, 19237 up). Features: the half-hour of the
day, price and demand in New South Wales and in Victoria, and the transfer between them,
each scaled to [0, 1]. The label says whether the price is above its mean over the last
24 hours. The relation of the two drifts with the seasons and with the rules of the
market.

Source: https://github.com/scikit-multiflow/streaming-datasets (elec.csv)
Reference: M. Harries, "Splice-2 comparative evaluation: Electricity pricing", Technical
Report UNSW-CSE-TR-9905, University of New South Wales, 1999.
Licence: none stated
"""


def _parse(text):
    table = np.loadtxt(BytesIO(text), delimiter=",", skiprows=1)
    return {"X": table[:, :-1].copy(), "y": table[:, -1].astype(np.uint8)}


_SOURCE = Source(
    name="elec",
    files=(
        RemoteFile(
            url=(
                "https://raw.githubusercontent.com/scikit-multiflow/streaming-datasets/"
                "279075ba8affbf4179648560562b4582b1199463/elec.csv"
            ),
            sha256="cdf901433885f29eca6911f70c0eeafb50d90596c879c30c5b99f5a2e8e734ff",
        ),
    ),
    parse=_parse,
    arrays=("X", "y"),
    digest="e7bc0fc11b90cccca52d97cd09433353f69eedf83160ee6baa63f4d37cc8157d",
)


@validate_params(
    {**FETCHER_CONSTRAINTS, "as_frame": ["boolean"]},
    prefer_skip_nested_validation=True,
)
def fetch_elec(
    *, data_home=None, download_if_missing=True, return_X_y=False, as_frame=False
):
    """Load elec, a stream of electricity prices that drifts (classification).

    =================   =================================
    Classes             2
    Samples per class   26075 down (0), 19237 up (1)
    Samples total       45312
    Dimensionality      6
    Features            real, in [0, 1]
    =================   =================================

    The rows are in the order of time: do not shuffle them. Labels come in runs: to
    predict the last label again is right for 85 % of the rows.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of the cache, by default that of scikit-learn, see
        :func:`sklearn.datasets.get_data_home`.
    download_if_missing : bool, default=True
        Whether to download the data if they are not cached. If False, an OSError is
        raised instead.
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether data and target are pandas objects.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : {ndarray, DataFrame} of shape (45312, 6) of float64
            The features.
        target : {ndarray, Series} of shape (45312,) of int64
            0 for down, 1 for up.
        frame : DataFrame of shape (45312, 7)
            Data and target. None unless `as_frame`.
        feature_names : list of str
            Names of the columns.
        target_names : ndarray of shape (2,) of str
            Names of the classes.
        DESCR : str
            Source, reference and licence.

    (data, target) : tuple if `return_X_y`
        The features and the labels.

    See Also
    --------
    make_drifting_stream : A stream whose drift is known.
    skpoison.model_selection.prequential_curve : Evaluates learners on a stream.

    Examples
    --------
    >>> from skpoison.datasets import fetch_elec
    >>> X, y = fetch_elec(return_X_y=True)  # doctest: +SKIP
    >>> X.shape  # doctest: +SKIP
    (45312, 6)
    """
    # Before the download, which is useless without pandas.
    pd = check_pandas_support("fetch_elec with as_frame=True") if as_frame else None

    arrays = load_arrays(
        _SOURCE, data_home=data_home, download_if_missing=download_if_missing
    )
    data, target = arrays["X"], arrays["y"].astype(np.int64)
    frame = None
    if as_frame:
        data = pd.DataFrame(data, columns=_FEATURE_NAMES)
        target = pd.Series(target, name="target")
        frame = pd.concat([data, target], axis=1)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=frame,
        feature_names=_FEATURE_NAMES.copy(),
        target_names=np.array(["down", "up"]),
        DESCR=_DESCR,
    )
