import struct
from dataclasses import replace

import numpy as np
import pytest

from skpoison.datasets import _mnist, fetch_mnist
from skpoison.datasets._cache import content_digest

rng = np.random.default_rng(0)
X_TRAIN = rng.integers(256, size=(12, 784), dtype=np.uint8)
Y_TRAIN = np.array([5, 1, 4, 7, 9, 2, 1, 3, 1, 7, 0, 6])
X_TEST = rng.integers(256, size=(4, 784), dtype=np.uint8)
Y_TEST = np.array([7, 2, 1, 8])


@pytest.fixture(autouse=True)
def online(publish_gzip, monkeypatch):
    """Publish a small data set in the format of the true one."""
    arrays = {
        "X_train": X_TRAIN,
        "y_train": Y_TRAIN.astype(np.uint8),
        "X_test": X_TEST,
        "y_test": Y_TEST.astype(np.uint8),
    }
    files = []
    for name, array in arrays.items():
        if array.ndim == 2:
            header = struct.pack(">4I", 2051, len(array), 28, 28)
        else:
            header = struct.pack(">2I", 2049, len(array))
        files.append(publish_gzip(f"{name}.gz", header + array.tobytes()))
    source = replace(_mnist._SOURCE, files=tuple(files), digest=content_digest(arrays))
    monkeypatch.setattr(_mnist, "_SOURCE", source)


@pytest.mark.parametrize(
    ("subset", "X", "y"),
    [
        ("train", X_TRAIN, Y_TRAIN),
        ("test", X_TEST, Y_TEST),
        ("all", np.vstack([X_TRAIN, X_TEST]), np.concatenate([Y_TRAIN, Y_TEST])),
    ],
)
def test_subset(subset, X, y, home, disconnect):
    for _ in range(2):
        mnist = fetch_mnist(subset=subset, data_home=home)
        np.testing.assert_array_equal(mnist.data, X, strict=True)
        np.testing.assert_array_equal(mnist.target, y.astype(np.int64), strict=True)
        # The second call does not download.
        disconnect()


def test_default_is_all_digits(home):
    mnist = fetch_mnist(data_home=home)
    assert mnist.data.shape == (16, 784)
    assert mnist.target_names.tolist() == list(range(10))
    assert mnist.feature_names[0] == "pixel_0_0"
    assert mnist.feature_names[29] == "pixel_1_1"
    assert mnist.feature_names[-1] == "pixel_27_27"
    assert len(mnist.feature_names) == 784
    assert "10.1109/5.726791" in mnist.DESCR


@pytest.mark.parametrize("classes", [(1, 7), [7, 1, 7], np.array([7, 1]), {1, 7}])
def test_classes(classes, home):
    mnist = fetch_mnist(subset="train", classes=classes, data_home=home)
    assert mnist.target.tolist() == [1, 7, 1, 1, 7]
    np.testing.assert_array_equal(mnist.data, X_TRAIN[[1, 3, 6, 8, 9]], strict=True)
    assert mnist.target_names.tolist() == [1, 7]


def test_three_classes_of_all(home):
    mnist = fetch_mnist(classes=[8, 2, 0], data_home=home)
    assert mnist.target.tolist() == [2, 0, 2, 8]
    assert mnist.target.dtype == mnist.target_names.dtype == np.int64
    np.testing.assert_array_equal(
        mnist.data, np.vstack([X_TRAIN[[5, 10]], X_TEST[[1, 3]]])
    )


def test_return_X_y(home):  # noqa: N802
    params = {"subset": "test", "classes": (1, 7), "data_home": home}
    X, y = fetch_mnist(return_X_y=True, **params)
    mnist = fetch_mnist(**params)
    np.testing.assert_array_equal(X, mnist.data, strict=True)
    np.testing.assert_array_equal(y, mnist.target, strict=True)


def test_data_is_writable(home):
    for _ in range(2):
        X, y = fetch_mnist(subset="test", return_X_y=True, data_home=home)
        assert X.flags.writeable
        assert y.flags.writeable


@pytest.mark.parametrize(
    ("classes", "problem"),
    [
        ((1, 12), "12 is none"),
        ((-1, 1), "-1 is none"),
        ((1, 7.5), r"7\.5 is none"),
        (("1", "7"), "'1' is none"),
        ([[1, 7]], r"\[1, 7\] is none"),
        ((1,), "too few"),
        ((1, 1), "too few"),
        ((), "too few"),
    ],
)
def test_invalid_classes(classes, problem, home):
    with pytest.raises(ValueError, match=problem) as raised:
        fetch_mnist(classes=classes, data_home=home)
    message = str(raised.value)
    assert message.startswith("classes must be")
    assert f"got classes={classes!r}" in message
    # Said before the download.
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    "params",
    [
        {"subset": "validation"},
        {"classes": "17"},
        {"classes": 1},
        {"data_home": 1},
        {"download_if_missing": "yes"},
        {"return_X_y": "yes"},
    ],
)
def test_invalid_parameter(params):
    (name,) = params
    with pytest.raises(ValueError, match=f"'{name}' parameter of fetch_mnist"):
        fetch_mnist(**params)


def test_missing_and_no_download(home):
    with pytest.raises(OSError, match=r"mnist\.npz"):
        fetch_mnist(data_home=home, download_if_missing=False)
