"""Download and cache of data sets.

A data set is cached at ``<data_home>/skpoison/NAME.npz``. If this file is missing, the
source is downloaded, verified, parsed and written there. Every call compares the arrays
with a checksum, so that they are always those that this package was written for.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from http.client import HTTPException
from io import BytesIO
from pathlib import Path, PurePosixPath
from urllib.request import urlopen
from uuid import uuid4
from zipfile import ZipFile

import numpy as np
from sklearn.datasets import get_data_home

# The parameters that all fetchers have.
FETCHER_CONSTRAINTS = {
    "data_home": [str, os.PathLike, None],
    "download_if_missing": ["boolean"],
    "return_X_y": ["boolean"],
}


@dataclass(frozen=True, kw_only=True)
class RemoteFile:
    """A file on the internet.

    Parameters
    ----------
    url : str
        Its address.
    sha256 : str
        Checksum of its content, unpacked.
    unpack : callable, default=bytes
        Takes the bytes downloaded, returns the content.
    """

    url: str
    sha256: str
    unpack: Callable[[bytes], bytes] = bytes


@dataclass(frozen=True, kw_only=True)
class Source:
    """Source of a data set.

    Parameters
    ----------
    name : str
        Name of the file in the cache, without ``.npz``.
    files : tuple of RemoteFile
        What is downloaded.
    parse : callable
        Takes the contents of the files, returns a dict of arrays.
    arrays : tuple of str
        Names of these arrays. Other arrays in a cache are ignored.
    digest : str
        Their :func:`content_digest`.
    """

    name: str
    files: tuple[RemoteFile, ...]
    parse: Callable[..., dict[str, np.ndarray]]
    arrays: tuple[str, ...]
    digest: str


def load_arrays(source, *, data_home, download_if_missing):
    """Load the arrays of a data set, downloading them if they are not cached.

    Parameters
    ----------
    source : Source
        The data set.
    data_home : str or path-like, or None
        As in :func:`sklearn.datasets.get_data_home`.
    download_if_missing : bool
        Whether to download what is not cached.

    Returns
    -------
    arrays : dict of str to ndarray
        Those named by `source.arrays`, verified.

    Raises
    ------
    OSError
        If the data set is neither cached nor available, or is not the one expected.
    """
    path = Path(get_data_home(data_home)) / "skpoison" / f"{source.name}.npz"
    if path.exists():
        return _read(path, source)
    if not download_if_missing:
        raise OSError(
            f"Data not found at {path} and `download_if_missing` is False. "
            "Call with download_if_missing=True; or, if the file is in another folder, "
            "name that folder by data_home or by the environment variable "
            "SCIKIT_LEARN_DATA."
        )
    contents = [_download(file, path) for file in source.files]
    try:
        arrays = source.parse(*contents)
        _check_sha256(content_digest(arrays), source.digest)
    except Exception as error:
        urls = ", ".join(file.url for file in source.files)
        raise OSError(
            f"The expected files were downloaded from {urls}, but the data set "
            f"{source.name!r} cannot be built from them ({error}). Please report this "
            "as a bug of skpoison."
        ) from error
    _write(path, arrays)
    return arrays


def content_digest(arrays):
    """Compute the SHA256 of the content of arrays.

    It does not depend on the version of zlib, unlike the bytes of an npz file.

    Parameters
    ----------
    arrays : dict of str to ndarray
        The arrays. Neither their order nor their byte order has an influence.

    Returns
    -------
    digest : str
        In hexadecimal digits.
    """
    digest = sha256()
    for name, array in sorted(arrays.items()):
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def unzip(archive, name):
    """Read a member of a zip archive.

    Parameters
    ----------
    archive : bytes
        The archive.
    name : str
        Name of the member, in any folder.

    Returns
    -------
    content : bytes
    """
    with ZipFile(BytesIO(archive)) as members:
        for member in members.namelist():
            if PurePosixPath(member).name == name:
                return members.read(member)
        raise ValueError(f"no {name} in the zip archive: {members.namelist()}")


def _check_sha256(actual, expected):
    if actual != expected:
        raise ValueError(f"its SHA256 is {actual}, not {expected}")


def _read(path, source):
    with open(path, "rb") as file:
        # A damaged file can raise almost any error, from BadZipFile to zlib.error. A
        # file with a pickle raises a ValueError, because pickles can run code.
        try:
            with np.load(file, allow_pickle=False) as npz:
                arrays = {name: npz[name] for name in source.arrays}
            _check_sha256(content_digest(arrays), source.digest)
        except Exception as error:
            raise OSError(
                f"{path} is not the expected data set {source.name!r}: it is damaged, "
                "or was changed. Delete it and call again to download it anew."
            ) from error
    return arrays


def _download(file, path):
    """Return the content of a remote file of a data set to be cached at path."""
    instead = (
        f"or copy the cache from another machine to {path}; or, if there is one in "
        "another folder, name that folder by data_home or by the environment variable "
        "SCIKIT_LEARN_DATA."
    )
    try:
        with urlopen(file.url, timeout=60) as response:
            packed = response.read()
    except (OSError, HTTPException) as error:
        raise OSError(
            f"Data not found at {path}, and {file.url} cannot be downloaded ({error}). "
            f"Call again when it can be reached; {instead}"
        ) from error
    try:
        content = file.unpack(packed)
        _check_sha256(sha256(content).hexdigest(), file.sha256)
    except Exception as error:
        raise OSError(
            f"{file.url} is not the file expected ({error}): the download is damaged, "
            f"or the file there was changed. Call again; {instead}"
        ) from error
    return content


def _write(path, arrays):
    """Write the cache atomically: other processes see the whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # A unique name, since other processes may be writing the same data set. (tempfile
    # would make it unreadable to other users of a shared data_home.)
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with open(unfinished, "xb") as file:
            np.savez_compressed(file, **arrays)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
