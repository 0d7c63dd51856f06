import numpy as np
import pytest

from skpoison.optimizers._blocks import BLOCK, row_blocks


@pytest.mark.parametrize(
    ("shape", "n_blocks"),
    [
        ((0, 3), 0),
        ((5, 0), 1),
        ((5, 3), 1),
        ((5, BLOCK), 5),
        ((5, 10 * BLOCK), 5),
        ((5, BLOCK // 2), 3),
    ],
)
def test_every_row_is_in_one_block(shape, n_blocks):
    blocks = row_blocks(shape)
    rows = np.arange(shape[0])
    parts = [rows[block] for block in blocks]
    assert len(blocks) == n_blocks
    np.testing.assert_array_equal(np.concatenate([rows[:0], *parts]), rows)
    assert all(part.size * shape[1] <= max(BLOCK, shape[1]) for part in parts)
