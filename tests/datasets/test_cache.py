import gzip
import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from http.client import IncompleteRead
from io import BytesIO
from threading import Barrier
from urllib.error import URLError
from zipfile import ZipFile

import numpy as np
import pytest

from skpoison.datasets import _cache
from skpoison.datasets._cache import (
    RemoteFile,
    Source,
    content_digest,
    load_arrays,
    unzip,
)

X = np.arange(600, dtype=np.float64).reshape(200, 3)
Y = np.arange(200, dtype=np.uint8) % 2


def parse(text):
    return {"X": np.loadtxt(BytesIO(text)), "y": Y}


@pytest.fixture
def source(publish_gzip):
    """A data set that can be downloaded."""
    text = "\n".join(" ".join(map(str, row)) for row in X).encode()
    return Source(
        name="toy",
        files=(publish_gzip("toy.gz", text),),
        parse=parse,
        arrays=("X", "y"),
        digest=content_digest({"X": X, "y": Y}),
    )


@pytest.fixture
def path(home):
    """Where the data set is cached."""
    return home / "skpoison" / "toy.npz"


def load(source, home, download_if_missing=True):
    return load_arrays(source, data_home=home, download_if_missing=download_if_missing)


def assert_right(arrays):
    assert list(arrays) == ["X", "y"]
    np.testing.assert_array_equal(arrays["X"], X, strict=True)
    np.testing.assert_array_equal(arrays["y"], Y, strict=True)


def test_download_is_cached(source, home, path, disconnect):
    assert_right(load(source, home))
    disconnect()
    assert os.listdir(path.parent) == ["toy.npz"]
    assert_right(load(source, home))
    assert_right(load(source, home, download_if_missing=False))


def test_data_home_of_the_environment(source, home, path, monkeypatch):
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(home))
    load(source, None)
    assert path.exists()


def test_cache_may_hold_other_arrays(source, home, path, disconnect):
    disconnect()
    path.parent.mkdir()
    np.savez(path, y=Y, others=np.array([None]), X=X)
    assert_right(load(source, home))


def test_missing_and_no_download(source, home, path):
    with pytest.raises(OSError, match="`download_if_missing` is False") as raised:
        load(source, home, download_if_missing=False)
    assert str(path) in str(raised.value)
    assert not path.parent.exists()


def test_offline(source, home, path, disconnect):
    disconnect()
    with pytest.raises(OSError, match="Data not found") as raised:
        load(source, home)
    for hint in (str(path), source.files[0].url, "SCIKIT_LEARN_DATA"):
        assert hint in str(raised.value)
    assert isinstance(raised.value.__cause__, URLError)
    assert not path.parent.exists()


def test_connection_lost(source, home, path, monkeypatch):
    class Response(BytesIO):
        def read(self):
            raise IncompleteRead(b"")

    monkeypatch.setattr(_cache, "urlopen", lambda *args, **params: Response())
    with pytest.raises(OSError, match="cannot be downloaded") as raised:
        load(source, home)
    assert isinstance(raised.value.__cause__, IncompleteRead)
    assert not path.parent.exists()


@pytest.mark.parametrize(
    "content",
    [gzip.compress(b"1 2 3"), gzip.compress(b"1 2 3")[:-9], b"<html>Not found</html>"],
    ids=["other", "truncated", "no gzip"],
)
def test_download_is_not_the_file_expected(content, source, home, path, publish):
    url = publish("toy.gz", content)
    with pytest.raises(OSError, match="is not the file expected") as raised:
        load(source, home)
    assert url in str(raised.value)
    assert not path.parent.exists()


def test_checksum_that_differs_is_named(source, home, publish):
    publish("toy.gz", gzip.compress(b"1 2 3"))
    with pytest.raises(OSError, match=source.files[0].sha256) as raised:
        load(source, home)
    assert sha256(b"1 2 3").hexdigest() in str(raised.value)


@pytest.mark.parametrize("parse", [lambda text: {"X": X[::-1], "y": Y}, float])
def test_parsed_arrays_are_verified(parse, source, home, path):
    with pytest.raises(OSError, match="report this as a bug") as raised:
        load(replace(source, parse=parse), home)
    assert source.files[0].url in str(raised.value)
    assert not path.parent.exists()


class Exploit:
    """Runs code when it is unpickled."""

    ran = False

    def __reduce__(self):
        return setattr, (Exploit, "ran", True)


def tampered(path, good):
    np.savez(path, X=np.where(X == 7, 8, X), y=Y)


def swapped_names(path, good):
    np.savez(path, X=Y, y=X)


def other_dtype(path, good):
    np.savez(path, X=X, y=Y.astype(np.int8))


def other_shape(path, good):
    np.savez(path, X=X.reshape(3, 200), y=Y)


def missing_array(path, good):
    np.savez(path, X=X)


def objects(path, good):
    np.savez(path, X=X, y=np.array([Exploit()]))


def plain_pickle(path, good):
    path.write_bytes(pickle.dumps(Exploit()))


def single_array(path, good):
    with open(path, "wb") as file:
        np.save(file, X)


def no_array(path, good):
    with ZipFile(path, "w") as file:
        file.writestr("X", "text")
        file.writestr("y", "text")


def truncated(path, good):
    path.write_bytes(good[:-100])


def flipped_bit(path, good):
    middle = len(good) // 2
    path.write_bytes(
        good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :],
    )


def empty(path, good):
    path.write_bytes(b"")


@pytest.mark.parametrize(
    "damage",
    [
        tampered,
        swapped_names,
        other_dtype,
        other_shape,
        missing_array,
        objects,
        plain_pickle,
        single_array,
        no_array,
        truncated,
        flipped_bit,
        empty,
    ],
)
def test_damaged_cache(damage, source, home, path):
    load(source, home)
    damage(path, path.read_bytes())
    with pytest.raises(OSError, match="Delete it and call again") as raised:
        load(source, home)
    assert str(path) in str(raised.value)
    assert not Exploit.ran
    path.unlink()
    assert_right(load(source, home))


def test_interrupted_write_leaves_nothing(source, home, path, monkeypatch):
    def interrupted(file, **arrays):
        file.write(b"half of it")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez_compressed", interrupted)
        with pytest.raises(KeyboardInterrupt):
            load(source, home)
    assert os.listdir(path.parent) == []
    assert_right(load(source, home))


def test_concurrent_downloads(source, home, path, monkeypatch):
    n_callers = 4
    meet = Barrier(n_callers)
    savez_compressed = np.savez_compressed

    def savez_together(file, **arrays):
        # All callers have their files open when the first one goes on.
        meet.wait(timeout=300)
        savez_compressed(file, **arrays)

    monkeypatch.setattr(np, "savez_compressed", savez_together)
    with ThreadPoolExecutor(n_callers) as pool:
        calls = [pool.submit(load, source, home) for _ in range(n_callers)]
        for call in calls:
            assert_right(call.result())
    assert os.listdir(path.parent) == ["toy.npz"]
    assert_right(load(source, home, download_if_missing=False))


def test_cache_is_as_readable_as_any_file(source, home, path):
    load(source, home)
    ordinary = home / "ordinary"
    ordinary.touch()
    assert path.stat().st_mode == ordinary.stat().st_mode


def test_files_are_passed_to_parse_in_order(publish_gzip, home):
    source = Source(
        name="toy",
        files=tuple(publish_gzip(name, name.encode()) for name in ("b", "a")),
        parse=lambda *contents: {"names": np.array(contents)},
        arrays=("names",),
        digest=content_digest({"names": np.array([b"b", b"a"])}),
    )
    assert load(source, home)["names"].tolist() == [b"b", b"a"]


def test_content_digest():
    reference = content_digest({"X": X, "y": Y})
    # Written down, for caches must outlive versions of numpy and of skpoison.
    assert (
        reference == "10391fad6765dc365e64c548039c9290fc7fac7b1a93b3107a96407bc3347906"
    )
    assert content_digest({"y": Y, "X": X}) == reference
    assert content_digest({"X": np.asfortranarray(X), "y": Y}) == reference
    assert content_digest({"X": X.astype(">f8"), "y": Y}) == reference
    assert content_digest({"X": -X, "y": Y}) != reference


def test_remote_file_is_not_packed_by_default():
    assert RemoteFile(url="", sha256="").unpack(b"content") == b"content"


def test_unzip():
    archive = BytesIO()
    with ZipFile(archive, "w") as file:
        file.writestr("__MACOSX/folder/._a.csv", "attributes")
        file.writestr("folder/a.csv", "a")
        file.writestr("b.csv", "b")
    assert unzip(archive.getvalue(), "a.csv") == b"a"
    assert unzip(archive.getvalue(), "b.csv") == b"b"
    with pytest.raises(ValueError, match=r"no c\.csv .*folder/a\.csv"):
        unzip(archive.getvalue(), "c.csv")
