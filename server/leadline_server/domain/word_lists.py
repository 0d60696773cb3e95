"""Lists of words in the source: `listed("mr|mrs", "dr")`."""


def listed(*lines: str) -> frozenset[str]:
    """The words of lines, which `|` separates."""
    return frozenset(word for line in lines for word in line.split("|"))
