"""Spambase: features of spam and other e-mails."""

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
    unzip,
)

_WORDS = (
    "make address all 3d our over remove internet order mail receive will people "
    "report addresses free business email you credit your font 000 money hp hpl george "
    "650 lab labs telnet 857 data 415 85 technology 1999 parts pm direct cs meeting "
    "original project re edu table conference"
)
_FEATURE_NAMES = [
    *(f"word_freq_{word}" for word in _WORDS.split()),
    *(f"char_freq_{character}" for character in ";([!$#"),
    *(f"capital_run_length_{name}" for name in ("average", "longest", "total")),
]
# Words and characters, the features of the binary variant.
_N_FREQUENCIES = 54

_DESCR = """\
Spambase: 4601 e-mails (2788 ham, 1813 spam) by 57 features: the percentages of 48 words
and of 6 characters, and 3 lengths of runs of capital letters. Collected at
Hewlett-Packard Labs in 1999.

Source: UCI Machine Learning Repository, https://doi.org/10.24432/C53G6X
Reference: M. Hopkins, E. Reeber, G. Forman and J. Suermondt, "Spambase", 1999.
Licence: CC BY 4.0
"""


def _parse(text):
    table = np.loadtxt(BytesIO(text), delimiter=",")
    return {"X": table[:, :-1].copy(), "y": table[:, -1].astype(np.uint8)}


_SOURCE = Source(
    name="spambase",
    files=(
        RemoteFile(
            url="https://archive.ics.uci.edu/static/public/94/spambase.zip",
            sha256="b1ef93de71f97714d3d7d4f58fc9f718da7bbc8ac8a150eff2778616a8097b12",
            unpack=lambda archive: unzip(archive, "spambase.data"),
        ),
    ),
    parse=_parse,
    arrays=("X", "y"),
    digest="49966606491e0d8e476f1fb641dae1a3d7943f428d4d9293b39984cef57dced1",
)


@validate_params(
    {**FETCHER_CONSTRAINTS, "binary": ["boolean"], "as_frame": ["boolean"]},
    prefer_skip_nested_validation=True,
)
def fetch_spambase(
    *,
    binary=False,
    data_home=None,
    download_if_missing=True,
    return_X_y=False,
    as_frame=False,
):
    """Load Spambase, a data set of spam and ham (classification).

    =================   =================================
    Classes             2
    Samples per class   2788 ham (0), 1813 spam (1)
    Samples total       4601
    Dimensionality      57; 54 if `binary`
    Features            real, not negative; 0 or 1 if `binary`
    =================   =================================

    The rows keep the order of the source, in which all spam comes first: shuffle them,
    for example by :func:`sklearn.model_selection.train_test_split`.

    Parameters
    ----------
    binary : bool, default=False
        Whether to return only which of the words and characters are present, as in much
        of the literature on poisoning: the first 54 features, 1 if they are positive.
        The lengths of runs of capital letters are dropped.
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

        data : {ndarray, DataFrame} of shape (4601, 57) or (4601, 54) of float64
            The features, not scaled: the last three reach values in the thousands.
        target : {ndarray, Series} of shape (4601,) of int64
            0 for ham, 1 for spam.
        frame : DataFrame of shape (4601, 58) or (4601, 55)
            Data and target. None unless `as_frame`.
        feature_names : list of str
            Names of the columns.
        target_names : ndarray of shape (2,) of str
            Names of the classes.
        DESCR : str
            Source, reference and licence.

    (data, target) : tuple if `return_X_y`
        The features and the labels.

    Notes
    -----
    394 rows duplicate the features of an earlier one, and 3 vectors of features occur
    with both labels, which affects outlier detectors and nearest neighbours.

    Examples
    --------
    >>> from skpoison.datasets import fetch_spambase
    >>> X, y = fetch_spambase(binary=True, return_X_y=True)  # doctest: +SKIP
    >>> X.shape  # doctest: +SKIP
    (4601, 54)
    """
    # Before the download, which is useless without pandas.
    pd = check_pandas_support("fetch_spambase with as_frame=True") if as_frame else None

    arrays = load_arrays(
        _SOURCE, data_home=data_home, download_if_missing=download_if_missing
    )
    data, target = arrays["X"], arrays["y"].astype(np.int64)
    feature_names = _FEATURE_NAMES
    if binary:
        feature_names = feature_names[:_N_FREQUENCIES]
        data = (data[:, :_N_FREQUENCIES] > 0).astype(np.float64)

    frame = None
    if as_frame:
        data = pd.DataFrame(data, columns=feature_names)
        target = pd.Series(target, name="target")
        frame = pd.concat([data, target], axis=1)

    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=frame,
        feature_names=feature_names.copy(),
        target_names=np.array(["ham", "spam"]),
        DESCR=_DESCR,
    )
