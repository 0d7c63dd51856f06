import gzip
from hashlib import sha256
from io import BytesIO
from zipfile import ZipFile

import pytest

from skpoison.datasets._cache import RemoteFile


@pytest.fixture
def home(tmp_path):
    """A data_home with nothing in it."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def publish(tmp_path):
    """Put bytes where urllib finds them without a network."""

    def publish(name, content):
        folder = tmp_path / "internet"
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
        return (folder / name).as_uri()

    return publish


@pytest.fixture
def disconnect(tmp_path):
    """Take back everything that was published."""

    def disconnect():
        for file in (tmp_path / "internet").iterdir():
            file.unlink()

    return disconnect


@pytest.fixture
def publish_zip(publish):
    """Publish a zip archive of the given members."""

    def publish_zip(name, members):
        archive = BytesIO()
        with ZipFile(archive, "w") as file:
            for member, content in members.items():
                file.writestr(member, content)
        return publish(name, archive.getvalue()), archive.getvalue()

    return publish_zip


@pytest.fixture
def publish_gzip(publish):
    """Publish a compressed file."""

    def publish_gzip(name, content):
        return RemoteFile(
            url=publish(name, gzip.compress(content)),
            sha256=sha256(content).hexdigest(),
            unpack=gzip.decompress,
        )

    return publish_gzip
