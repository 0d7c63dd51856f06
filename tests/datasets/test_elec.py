import sys
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest

from skpoison.datasets import _elec, fetch_elec
from skpoison.datasets._cache import content_digest

X = np.round(np.random.default_rng(0).uniform(size=(5, 6)), 6)
Y = np.array([1, 1, 0, 0, 1])


@pytest.fixture(autouse=True)
def online(publish, monkeypatch):
    """Publish a small data set in the format of the true one."""
    lines = ["period,nswprice,nswdemand,vicprice,vicdemand,transfer,class"]
    for row, label in zip(X.tolist(), Y, strict=True):
        lines.append(",".join(map(repr, row)) + f",{label}")
    text = "".join(f"{line}\n" for line in lines).encode()
    file = replace(
        _elec._SOURCE.files[0],
        url=publish("elec.csv", text),
        sha256=sha256(text).hexdigest(),
    )
    digest = content_digest({"X": X, "y": Y.astype(np.uint8)})
    source = replace(_elec._SOURCE, files=(file,), digest=digest)
    monkeypatch.setattr(_elec, "_SOURCE", source)


def test_bunch(home, disconnect):
    for _ in range(2):
        elec = fetch_elec(data_home=home)
        np.testing.assert_array_equal(elec.data, X, strict=True)
        np.testing.assert_array_equal(elec.target, Y.astype(np.int64), strict=True)
        assert elec.frame is None
        # The second call does not download.
        disconnect()
    assert elec.target_names[elec.target].tolist() == ["up", "up", "down", "down", "up"]
    assert len(elec.feature_names) == 6
    assert "UNSW-CSE-TR-9905" in elec.DESCR
    # They are the caller's own.
    elec.feature_names.clear()
    assert len(fetch_elec(data_home=home).feature_names) == 6


def test_as_frame(home):
    elec = fetch_elec(as_frame=True, data_home=home)
    expected = pd.DataFrame(X, columns=elec.feature_names)
    pd.testing.assert_frame_equal(elec.data, expected)
    pd.testing.assert_series_equal(elec.target, pd.Series(Y, name="target"))
    pd.testing.assert_frame_equal(elec.frame.drop(columns="target"), elec.data)
    X_out, y_out = fetch_elec(as_frame=True, return_X_y=True, data_home=home)
    pd.testing.assert_frame_equal(X_out, expected)
    pd.testing.assert_series_equal(y_out, elec.target)


def test_as_frame_without_pandas(home, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="as_frame=True requires pandas"):
        fetch_elec(as_frame=True, data_home=home)
    # Neither downloaded, nor needed for arrays.
    assert list(home.iterdir()) == []
    assert fetch_elec(return_X_y=True, data_home=home)[0].shape == X.shape


def test_missing_and_no_download(home):
    with pytest.raises(OSError, match=r"elec\.npz"):
        fetch_elec(data_home=home, download_if_missing=False)


def test_changed_at_the_source(home, publish):
    publish("elec.csv", b"1,2,3")
    with pytest.raises(OSError, match="is not the file expected"):
        fetch_elec(data_home=home)


@pytest.mark.parametrize(
    "param", ["download_if_missing", "return_X_y", "as_frame", "data_home"]
)
def test_invalid_parameter(param):
    with pytest.raises(ValueError, match=f"'{param}' parameter of fetch_elec"):
        fetch_elec(**{param: 0.5})
