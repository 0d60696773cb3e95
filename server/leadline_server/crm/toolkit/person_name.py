"""Names in two parts, for CRMs that keep first and last names apart."""


def split_name(name: str, longest_first: int) -> tuple[str, str]:
    """First and last name: apart where they are the same again with a space between, else all in the last name.

    Args:
        name: without spaces around it.
        longest_first: the characters that a first name may have.
    """
    first, _, last = name.rpartition(" ")
    is_split = bool(first and last) and first == first.strip() and len(first) <= longest_first
    return (first, last) if is_split else ("", name)
