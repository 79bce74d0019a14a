"""Where a patch lies in its picture. Imports no torch: the page's process cuts patches too."""


def patch_box(
    place: int, grid: tuple[int, int], reach: tuple[float, float]
) -> tuple[float, float, float, float]:
    """(top, left, bottom, right) in parts of the picture, moved inside where it would hang over.

    ``place``: row * columns + column; ``reach``: height and width of the patch, in parts.
    """
    row, col = divmod(int(place), grid[1])
    box = []
    for index, count, size in ((row, grid[0], reach[0]), (col, grid[1], reach[1])):
        start = min(max(0.0, (index + 0.5) / count - size / 2), 1.0 - size)
        box.append((start, start + size))
    return box[0][0], box[1][0], box[0][1], box[1][1]
