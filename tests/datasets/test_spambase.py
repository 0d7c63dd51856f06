import sys
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest

from skpoison.datasets import _spambase, fetch_spambase
from skpoison.datasets._cache import content_digest

N_ROWS = 5
X = np.round(np.random.default_rng(0).exponential(size=(N_ROWS, 57)) - 0.5, 2).clip(0)
Y = np.array([1, 1, 0, 0, 0])


@pytest.fixture(autouse=True)
def online(publish_zip, monkeypatch):
    """Publish a small data set in the format of the true one."""
    lines = (
        ",".join(f"{value:g}" for value in [*row, label])
        for row, label in zip(X, Y, strict=True)
    )
    text = "".join(f"{line}\r\n" for line in lines).encode()
    url, _ = publish_zip(
        "spambase.zip", {"spambase.names": "names", "spambase.data": text}
    )
    source = _spambase._SOURCE
    file = replace(source.files[0], url=url, sha256=sha256(text).hexdigest())
    digest = content_digest({"X": X, "y": Y.astype(np.uint8)})
    monkeypatch.setattr(
        _spambase, "_SOURCE", replace(source, files=(file,), digest=digest)
    )


def test_bunch(home, disconnect):
    for _ in range(2):
        spambase = fetch_spambase(data_home=home)
        np.testing.assert_array_equal(spambase.data, X, strict=True)
        np.testing.assert_array_equal(spambase.target, Y.astype(np.int64), strict=True)
        assert spambase.frame is None
        # The second call does not download.
        disconnect()
    assert spambase.target_names[spambase.target].tolist() == (
        ["spam"] * 2 + ["ham"] * 3
    )
    assert "10.24432/C53G6X" in spambase.DESCR
    assert "CC BY 4.0" in spambase.DESCR


def test_feature_names(home):
    names = fetch_spambase(data_home=home).feature_names
    assert len(names) == len(set(names)) == 57
    assert names[0] == "word_freq_make"
    assert names[47:50] == ["word_freq_conference", "char_freq_;", "char_freq_("]
    assert names[53:55] == ["char_freq_#", "capital_run_length_average"]
    assert names[56] == "capital_run_length_total"
    # They are the caller's own.
    names.clear()
    assert len(fetch_spambase(data_home=home).feature_names) == 57


def test_binary(home):
    spambase = fetch_spambase(binary=True, data_home=home)
    expected = np.where(X[:, :54] > 0, 1.0, 0.0)
    np.testing.assert_array_equal(spambase.data, expected, strict=True)
    assert set(np.unique(spambase.data)) == {0, 1}
    assert spambase.feature_names[-1] == "char_freq_#"
    assert len(spambase.feature_names) == 54


@pytest.mark.parametrize(("binary", "n_features"), [(False, 57), (True, 54)])
def test_as_frame(binary, n_features, home):
    arrays = fetch_spambase(binary=binary, data_home=home)
    spambase = fetch_spambase(binary=binary, as_frame=True, data_home=home)
    expected = pd.DataFrame(arrays.data, columns=arrays.feature_names)
    pd.testing.assert_frame_equal(spambase.data, expected)
    pd.testing.assert_series_equal(
        spambase.target, pd.Series(arrays.target, name="target")
    )
    assert spambase.frame.shape == (N_ROWS, n_features + 1)
    pd.testing.assert_frame_equal(spambase.frame.drop(columns="target"), spambase.data)
    pd.testing.assert_series_equal(spambase.frame["target"], spambase.target)


def test_as_frame_without_pandas(home, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="as_frame=True requires pandas"):
        fetch_spambase(as_frame=True, data_home=home)
    # Neither downloaded, nor needed for arrays.
    assert list(home.iterdir()) == []
    assert fetch_spambase(data_home=home).data.shape == (N_ROWS, 57)


@pytest.mark.parametrize("as_frame", [False, True])
@pytest.mark.parametrize("binary", [False, True])
def test_return_X_y(binary, as_frame, home):  # noqa: N802
    params = {"binary": binary, "as_frame": as_frame, "data_home": home}
    X, y = fetch_spambase(return_X_y=True, **params)
    bunch = fetch_spambase(**params)
    assert type(X) is type(bunch.data)
    assert type(y) is type(bunch.target)
    np.testing.assert_array_equal(X, bunch.data)
    np.testing.assert_array_equal(y, bunch.target)


def test_missing_and_no_download(home):
    with pytest.raises(OSError, match=r"spambase\.npz"):
        fetch_spambase(data_home=home, download_if_missing=False)


def test_changed_at_the_source(home, publish_zip):
    publish_zip("spambase.zip", {"spambase.data": "1,2,3"})
    with pytest.raises(OSError, match="is not the file expected"):
        fetch_spambase(data_home=home)


@pytest.mark.parametrize(
    "param", ["binary", "download_if_missing", "return_X_y", "as_frame", "data_home"]
)
def test_invalid_parameter(param):
    with pytest.raises(ValueError, match=f"'{param}' parameter of fetch_spambase"):
        fetch_spambase(**{param: 0.5})
