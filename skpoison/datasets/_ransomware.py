"""Ransomware: behaviour of ransomware and of good applications."""

import numpy as np
from scipy import sparse
from sklearn.utils import Bunch
from sklearn.utils._param_validation import validate_params

from skpoison.datasets._cache import (
    FETCHER_CONSTRAINTS,
    RemoteFile,
    Source,
    load_arrays,
    unzip,
)

# Groups of columns, in their order.
_GROUP_SIZES = {
    "API": 232,
    "DROP": 346,
    "REG": 6622,
    "FILES": 4141,
    "FILES_EXT": 935,
    "DIR": 2424,
    "STR": 16267,
}
_N_FEATURES = sum(_GROUP_SIZES.values())

# The spelling is that of the authors.
_FAMILY_NAMES = (
    "Goodware Critroni CryptLocker CryptoWall KOLLAH Kovter Locker MATSNU PGPCODER "
    "Reveton TeslaCrypt Trojan-Ransom"
)

_DESCR = """\
Ransomware (EldeRan): what 582 samples of ransomware of 11 families and 942 good
applications did in a sandbox, 1524 rows by 30,967 features that are 0 or 1. February
2016. The features describe behaviour only: the data contain no programs.

Source: https://github.com/rissgrouphub/ransomwaredataset2016
Reference: D. Sgandurra, L. Muñoz-González, R. Mohsen and E. C. Lupu, "Automated dynamic
analysis of ransomware: Benefits, limitations and use for detection", 2016,
https://doi.org/10.48550/arXiv.1609.03020
Licence: none stated; the authors ask for a reference to their work
"""


def _parse(archive):
    # A line is the number of the sample, the label, the family and the features.
    y, family, indices = [], [], []
    for line in unzip(archive, "RansomwareData.csv").splitlines():
        _, label, family_number, *features = line.split(b",")
        y.append(int(label))
        family.append(int(family_number))
        indices.append(np.flatnonzero(np.array(features) != b"0"))
    return {
        "X_indices": np.concatenate(indices).astype(np.uint16),
        "X_indptr": np.cumsum([0, *map(len, indices)]).astype(np.int32),
        "y": np.array(y, dtype=np.uint8),
        "family": np.array(family, dtype=np.uint8),
    }


_SOURCE = Source(
    name="ransomware",
    files=(
        RemoteFile(
            url=(
                "https://raw.githubusercontent.com/rissgrouphub/ransomwaredataset2016/"
                "3df0b156ce8c1add694a0e78a3262fcb2b2d9817/RansomwareData.zip"
            ),
            sha256="494261309fe95215f33a793c388c9848ec6e51ed36abe0c4fe1eff272c27cdb9",
        ),
    ),
    parse=_parse,
    arrays=("X_indices", "X_indptr", "y", "family"),
    digest="6c5e7329871e8b9479260a82ca2830ab30cdc2af895fe52b7902adb07f9cfa00",
)


@validate_params(FETCHER_CONSTRAINTS, prefer_skip_nested_validation=True)
def fetch_ransomware(*, data_home=None, download_if_missing=True, return_X_y=False):
    """Load the ransomware data of Sgandurra et al. (classification).

    =================   =======================================
    Classes             2
    Samples per class   942 goodware (0), 582 ransomware (1)
    Samples total       1524
    Dimensionality      30,967, sparse
    Features            0 or 1
    =================   =======================================

    The rows keep the order of the source, in which all ransomware comes first: shuffle
    them, as :func:`sklearn.model_selection.train_test_split` does.

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

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : CSR matrix of shape (1524, 30967) of float64
            1 if a program showed a behaviour; 0.43 % are ones.
        target : ndarray of shape (1524,) of int64
            0 for goodware, 1 for ransomware.
        target_names : ndarray of shape (2,) of str
            Names of the classes.
        family : ndarray of shape (1524,) of int64
            Families of the ransomware, 1 to 11; 0 for goodware.
        family_names : ndarray of shape (12,) of str
            Names of the families.
        feature_group : ndarray of shape (30967,) of int64
            Group of each feature, 0 to 6.
        group_names : ndarray of shape (7,) of str
            Names of these groups: invocations of the API, extensions of dropped files,
            operations on registry keys, on files, extensions of the latter, operations
            on directories, and strings embedded in the program.
        DESCR : str
            Source, reference and licence.

    (data, target) : tuple if `return_X_y`
        The features and the labels.

    Notes
    -----
    The literature keeps the 400 features with the highest mutual information with the
    label. Select them on the training rows only, by
    :class:`~sklearn.feature_selection.SelectKBest` in a pipeline as below: feature
    selection on all rows leaks the labels of the test rows.

    110 rows duplicate the features of an earlier one, and 2 vectors of features occur
    with both labels. 7351 features are 0 in every row.

    Examples
    --------
    >>> from functools import partial
    >>> from sklearn.feature_selection import SelectKBest, mutual_info_classif
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skpoison.datasets import fetch_ransomware
    >>> model = make_pipeline(
    ...     SelectKBest(partial(mutual_info_classif, discrete_features=True), k=400),
    ...     LogisticRegression(),
    ... )
    >>> X, y = fetch_ransomware(return_X_y=True)  # doctest: +SKIP
    >>> X.shape  # doctest: +SKIP
    (1524, 30967)
    """
    arrays = load_arrays(
        _SOURCE, data_home=data_home, download_if_missing=download_if_missing
    )
    indices = arrays["X_indices"].astype(np.int32)
    target = arrays["y"].astype(np.int64)
    data = sparse.csr_matrix(
        (np.ones(len(indices)), indices, arrays["X_indptr"]),
        shape=(len(target), _N_FEATURES),
    )
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=None,
        target_names=np.array(["goodware", "ransomware"]),
        family=arrays["family"].astype(np.int64),
        family_names=np.array(_FAMILY_NAMES.split()),
        feature_group=np.repeat(np.arange(7), list(_GROUP_SIZES.values())),
        group_names=np.array(list(_GROUP_SIZES)),
        DESCR=_DESCR,
    )
