"""Data sets of the literature, downloaded at the first call, and a made stream."""

from skpoison.datasets._drifting_stream import make_drifting_stream
from skpoison.datasets._elec import fetch_elec
from skpoison.datasets._mnist import fetch_mnist
from skpoison.datasets._ransomware import fetch_ransomware
from skpoison.datasets._spambase import fetch_spambase

__all__ = [
    "fetch_elec",
    "fetch_mnist",
    "fetch_ransomware",
    "fetch_spambase",
    "make_drifting_stream",
]
