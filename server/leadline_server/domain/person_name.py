"""Names in two parts, for CRMs that keep first and last names in separate fields."""


def split_name(name: str, longest_first: int | None = None) -> tuple[str, str]:
    """First and last name of a name without spaces around it. Joined with one space they are the name again.

    `Ada King Lovelace` is `("Ada King", "Lovelace")`. All of a name that cannot be split so is the last name: `Ada` and
    `Ada  Lovelace` (two spaces) are `("", ...)`. So is one whose first name has more than `longest_first` characters.
    """
    first, _, last = name.rpartition(" ")
    is_split = bool(first and last) and first == first.strip()
    return (first, last) if is_split and (longest_first is None or len(first) <= longest_first) else ("", name)
