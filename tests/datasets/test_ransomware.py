from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
from scipy import sparse

from skpoison.datasets import _ransomware, fetch_ransomware
from skpoison.datasets._cache import content_digest

N_FEATURES = 30967
# Row 1 has no feature at all, and no row has the last one.
INDICES = [[0, 231, 232], [], [577, 578, 30965], [7199, 7200]]
FAMILY = np.array([2, 11, 0, 0])
Y = np.array([1, 1, 0, 0])


@pytest.fixture(autouse=True)
def online(publish_zip, monkeypatch):
    """Publish a small data set in the format of the true one."""
    lines = []
    for number, (indices, label, family) in enumerate(
        zip(INDICES, Y, FAMILY, strict=True)
    ):
        features = np.zeros(N_FEATURES, dtype=int)
        features[indices] = 1
        lines.append(",".join(map(str, [10001 + number, label, family, *features])))
    url, archive = publish_zip(
        "RansomwareData.zip",
        {
            "__MACOSX/._RansomwareData.csv": "attributes",
            "RansomwareData.csv": "".join(f"{line}\n" for line in lines),
        },
    )
    source = _ransomware._SOURCE
    file = replace(source.files[0], url=url, sha256=sha256(archive).hexdigest())
    arrays = {
        "X_indices": np.concatenate(INDICES).astype(np.uint16),
        "X_indptr": np.array([0, 3, 3, 6, 8], dtype=np.int32),
        "y": Y.astype(np.uint8),
        "family": FAMILY.astype(np.uint8),
    }
    source = replace(source, files=(file,), digest=content_digest(arrays))
    monkeypatch.setattr(_ransomware, "_SOURCE", source)


def test_bunch(home, disconnect):
    expected = np.zeros((4, N_FEATURES))
    for row, indices in enumerate(INDICES):
        expected[row, indices] = 1
    for _ in range(2):
        ransomware = fetch_ransomware(data_home=home)
        assert sparse.issparse(ransomware.data)
        assert ransomware.data.format == "csr"
        assert ransomware.data.nnz == 8
        np.testing.assert_array_equal(ransomware.data.toarray(), expected, strict=True)
        np.testing.assert_array_equal(
            ransomware.target, Y.astype(np.int64), strict=True
        )
        # The second call does not download.
        disconnect()
    assert ransomware.target_names[ransomware.target].tolist() == (
        ["ransomware"] * 2 + ["goodware"] * 2
    )
    assert "arXiv.1609.03020" in ransomware.DESCR
    assert "none stated" in ransomware.DESCR


def test_families(home):
    ransomware = fetch_ransomware(data_home=home)
    assert ransomware.family.dtype == np.int64
    assert len(ransomware.family_names) == 12
    assert ransomware.family_names[ransomware.family].tolist() == [
        "CryptLocker",
        "Trojan-Ransom",
        "Goodware",
        "Goodware",
    ]


def test_feature_groups(home):
    ransomware = fetch_ransomware(data_home=home)
    groups = ransomware.group_names[ransomware.feature_group]
    assert groups.shape == (N_FEATURES,)
    # Each group is one block, from here on.
    starts = {
        "API": 0,
        "DROP": 232,
        "REG": 578,
        "FILES": 7200,
        "FILES_EXT": 11341,
        "DIR": 12276,
        "STR": 14700,
    }
    assert ransomware.group_names.tolist() == list(starts)
    changes = [0, *np.flatnonzero(groups[1:] != groups[:-1]) + 1]
    assert changes == list(starts.values())


def test_return_X_y(home):  # noqa: N802
    X, y = fetch_ransomware(return_X_y=True, data_home=home)
    ransomware = fetch_ransomware(data_home=home)
    assert type(X) is type(ransomware.data)
    assert (ransomware.data != X).nnz == 0
    np.testing.assert_array_equal(y, ransomware.target, strict=True)


def test_missing_and_no_download(home):
    with pytest.raises(OSError, match=r"ransomware\.npz"):
        fetch_ransomware(data_home=home, download_if_missing=False)


def test_changed_at_the_source(home, publish_zip):
    publish_zip("RansomwareData.zip", {"RansomwareData.csv": "1,1,1,0"})
    with pytest.raises(OSError, match="is not the file expected"):
        fetch_ransomware(data_home=home)


@pytest.mark.parametrize("param", ["data_home", "download_if_missing", "return_X_y"])
def test_invalid_parameter(param):
    with pytest.raises(ValueError, match=f"'{param}' parameter of fetch_ransomware"):
        fetch_ransomware(**{param: 0.5})
