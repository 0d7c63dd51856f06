"""Blocks of rows that stay in the cache while something is done with them.

On large data it takes time to read and write memory, and more to get some: several
operations in a row are done block by block, in memory that there is.
"""

# Numbers of a block.
BLOCK = 2**17


def row_blocks(shape):
    """Divide the rows of an array into blocks.

    Parameters
    ----------
    shape : tuple (n_rows, n_columns)
        The shape of the array.

    Returns
    -------
    blocks : list of slice
    """
    n_rows = max(1, BLOCK // max(1, shape[1]))
    return [slice(i, i + n_rows) for i in range(0, shape[0], n_rows)]
