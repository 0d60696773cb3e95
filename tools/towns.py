"""Write the names of North American towns from libphonenumber's geographic data into `domain/towns.txt`.

The data names the town of a number's prefix: 1303442 is "Boulder, CO", 5233 is "Guadalajara, JAL". Run this after an
upgrade of `phonenumbers` that brings new towns. Source: libphonenumber, resources/geocoding (Apache License 2.0).
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from leadline_server.domain.display_name import folded
from phonenumbers.geodata import GEOCODE_DATA

FILE: Final = Path(__file__).resolve().parent.parent / "server" / "leadline_server" / "domain" / "towns.txt"
HEADER: Final = """\
# Towns of the United States and Canada by state or province, and of Mexico (MX), as libphonenumber names them.
# Written by tools/towns.py from resources/geocoding of libphonenumber (Apache License 2.0).
"""
_TOWN_AND_STATE: Final = re.compile(r"(?P<town>[^,]+), (?P<state>[A-Z]{2})")


def towns() -> Mapping[str, set[str]]:
    """The towns of each state, folded to lower case without accents and dots."""
    found: dict[str, set[str]] = defaultdict(set)
    for prefix, names in GEOCODE_DATA.items():
        if prefix.startswith("1"):
            match = _TOWN_AND_STATE.fullmatch(names.get("en", ""))
            if match is not None:
                found[match["state"]].add(folded(match["town"]).replace(".", ""))
        elif prefix.startswith("52"):
            found["MX"].update(_mexican(names.get("es") or names.get("en", "")))
    return found


def _mexican(names: str) -> Iterator[str]:
    """The towns of "Guaymas/San Carlos, SON". Without a comma it names states."""
    towns, comma, _ = names.partition(",")
    if comma:
        yield from (folded(town).replace(".", "") for town in towns.split("/"))


if __name__ == "__main__":
    lines = (f"{state} {'|'.join(sorted(names))}\n" for state, names in sorted(towns().items()))
    FILE.write_text(HEADER + "".join(lines))
