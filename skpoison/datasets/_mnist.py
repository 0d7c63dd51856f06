"""MNIST: handwritten digits."""

import gzip
from numbers import Integral

import numpy as np
from sklearn.utils import Bunch
from sklearn.utils._param_validation import StrOptions, validate_params

from skpoison.datasets._cache import (
    FETCHER_CONSTRAINTS,
    RemoteFile,
    Source,
    load_arrays,
)

_DESCR = """\
MNIST: 70,000 grey-scale pictures of handwritten digits, 28 by 28 pixels; 60,000 for
training, then 10,000 for testing. By Yann LeCun, Corinna Cortes and Christopher Burges.

Source: https://ossci-datasets.s3.amazonaws.com/mnist/, a mirror of the original files
Reference: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning
applied to document recognition", 1998, https://doi.org/10.1109/5.726791
Licence: CC BY-SA 3.0; the copyright is with Yann LeCun and Corinna Cortes
"""


def _parse_idx(content):
    """Parse an IDX file of bytes, one row for each item."""
    # Two zeros, the type (8: unsigned byte), the number of dimensions; then each of
    # them in four bytes, the most significant first; then the data.
    n_dimensions = content[3]
    shape = np.frombuffer(content, ">u4", n_dimensions, offset=4)
    items = np.frombuffer(content, np.uint8, offset=4 + 4 * n_dimensions)
    return items.reshape(shape[0], -1) if n_dimensions > 1 else items


def _parse(train_images, train_labels, test_images, test_labels):
    return {
        "X_train": _parse_idx(train_images),
        "y_train": _parse_idx(train_labels),
        "X_test": _parse_idx(test_images),
        "y_test": _parse_idx(test_labels),
    }


_MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_SOURCE = Source(
    name="mnist",
    files=tuple(
        RemoteFile(url=f"{_MIRROR}{name}.gz", sha256=sha256, unpack=gzip.decompress)
        for name, sha256 in {
            "train-images-idx3-ubyte": (
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
            ),
            "train-labels-idx1-ubyte": (
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
            ),
            "t10k-images-idx3-ubyte": (
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
            ),
            "t10k-labels-idx1-ubyte": (
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
            ),
        }.items()
    ),
    parse=_parse,
    arrays=("X_train", "y_train", "X_test", "y_test"),
    digest="718642823a97c098dbc2cf285b454c723cbca86a36072958be487fc8ebf13c28",
)


@validate_params(
    {
        **FETCHER_CONSTRAINTS,
        "subset": [StrOptions({"all", "train", "test"})],
        "classes": ["array-like", None],
    },
    prefer_skip_nested_validation=True,
)
def fetch_mnist(
    *,
    subset="all",
    classes=None,
    data_home=None,
    download_if_missing=True,
    return_X_y=False,
):
    """Load MNIST, a data set of handwritten digits (classification).

    =================   =================================
    Classes             10
    Samples total       70,000: 60,000 train, 10,000 test
    Dimensionality      784
    Features            integers from 0 to 255
    =================   =================================

    The rows keep the order of the source. The digits are mixed, but shuffle them before
    taking a subset: according to the authors, the first half of the test set is easier.

    Parameters
    ----------
    subset : {"all", "train", "test"}, default="all"
        Which rows to load; "all" has the training rows first.
    classes : array-like of int, default=None
        The digits to keep, at least two: ``classes=(1, 7)`` is the usual pair in the
        literature on poisoning. The labels stay the digits themselves. None keeps all.
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

        data : ndarray of shape (n_samples, 784) of uint8
            The pixels, row by row, from 0 (paper) to 255 (ink). Divide by 255 to get
            features from 0 to 1.
        target : ndarray of shape (n_samples,) of int64
            The digits.
        feature_names : list of str
            Names of the columns, ``pixel_ROW_COLUMN``.
        target_names : ndarray of shape (n_classes,) of int64
            The digits kept, in ascending order.
        DESCR : str
            Source, reference and licence.

    (data, target) : tuple if `return_X_y`
        The features and the labels.

    See Also
    --------
    sklearn.datasets.load_digits : A small data set of digits, part of scikit-learn.

    Examples
    --------
    >>> from skpoison.datasets import fetch_mnist
    >>> mnist = fetch_mnist(subset="train", classes=(1, 7))  # doctest: +SKIP
    >>> X, y = mnist.data / 255, mnist.target  # doctest: +SKIP
    >>> X.shape  # doctest: +SKIP
    (13007, 784)
    """
    classes = _check_classes(classes)
    arrays = load_arrays(
        _SOURCE, data_home=data_home, download_if_missing=download_if_missing
    )
    parts = ["train", "test"] if subset == "all" else [subset]
    data = np.concatenate([arrays[f"X_{part}"] for part in parts])
    target = np.concatenate([arrays[f"y_{part}"] for part in parts]).astype(np.int64)
    if len(classes) < 10:
        kept = np.isin(target, classes)
        data, target = data[kept], target[kept]

    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=None,
        feature_names=[f"pixel_{i}_{j}" for i in range(28) for j in range(28)],
        target_names=classes,
        DESCR=_DESCR,
    )


def _check_classes(classes):
    """Turn the digits to keep into a sorted array."""
    if classes is None:
        return np.arange(10, dtype=np.int64)
    digits = list(classes)
    odd = [k for k in digits if not isinstance(k, Integral) or not 0 <= k <= 9]
    if odd or len(set(digits)) < 2:
        problem = f"{odd[0]!r} is none" if odd else "these are too few"
        raise ValueError(
            "classes must be two or more different digits from 0 to 9, for example "
            f"classes=(1, 7), or None for all of them; got classes={classes!r}: "
            f"{problem}."
        )
    return np.unique(digits).astype(np.int64)
