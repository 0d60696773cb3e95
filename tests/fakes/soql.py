"""As much of SOQL and SOSL as the fake of Salesforce understands: it takes queries apart, and holds records to them.

From the SOQL and SOSL Reference: strings are compared without regard to case; in LIKE `%` and `_` are wildcards unless
escaped; a search finds words, which end at spaces and punctuation, and phrases of words; how numbers are indexed is
not documented beyond that plain digits find formatted ones, so here they are their words and all their digits.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

Row = Mapping[str, Any]
Condition = Callable[[Row], bool]

_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<string>'(?:[^'\\]|\\.)*')|(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)|(?P<number>\d+)
    |(?P<name>[A-Za-z_][\w.]*)|(?P<sign>>=|<=|[=>(),]))""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "\\": "\\", "'": "'", '"': '"'}
_NUMBER_WITHIN: Final = re.compile(r"'%([0-9 +()./-]*)%'")
_RESERVED: Final = "?&|!{}[]()^~*:\\\"'+-"


class Malformed(Exception):
    """The query is not in the language."""


@dataclass(frozen=True, slots=True)
class Query:
    """SELECT `fields` FROM `table` WHERE `condition` ORDER BY `order` LIMIT `limit` OFFSET `offset`."""

    fields: tuple[str, ...]
    table: str
    condition: Condition
    order: tuple[str, ...]
    limit: int | None
    offset: int


@dataclass(frozen=True, slots=True)
class Search:
    """FIND {`terms`, any of them} IN PHONE FIELDS RETURNING `parts`, which are queries without an order."""

    terms: tuple[tuple[str, ...], ...]
    parts: tuple[Query, ...]

    def finds(self, number: str) -> bool:
        """Whether a stored number has one of the terms."""
        words = re.findall(r"[0-9]+|[^\W\d_]+", number.casefold())
        whole = ("".join(word for word in words if word.isdigit()),)
        return any(_contains(words, term) or term == whole for term in self.terms)


def read_query(text: str) -> Query:
    return _Reader(text).query()


def compares(text: str, field: str) -> bool:
    """Whether the condition of a query has a field in it."""
    condition = re.sub(r"'(?:[^'\\\\]|\\\\.)*'", "''", text.partition(" WHERE ")[2])
    return re.search(rf"\b{field}\b", condition) is not None


def read_search(text: str) -> Search:
    match = re.fullmatch(r"FIND \{((?:[^{}\\]|\\.)*)\} IN PHONE FIELDS RETURNING (.*)", text, re.DOTALL)
    if match is None:
        raise Malformed(text)
    if not match[1].strip():
        raise Malformed("No search term found.")
    if len(match[1]) > 4_000:
        raise Malformed("Here Salesforce drops the operators.")
    return Search(tuple(_terms(match[1])), tuple(_Reader(match[2]).parts()))


def _terms(query: str) -> Iterator[tuple[str, ...]]:
    rest = query
    while rest:
        match = re.match(r'\s*(?:"([^"\\?*]*)"|((?:[^\s"\\?&|!{}\[\]()^~*:\'+-]|\\.)+))(?:\s+OR\s+(?=\S)|$)', rest)
        if match is None or match[2] in ("OR", "AND", "NOT"):
            raise Malformed(query)
        term = match[1] if match[2] is None else re.sub(r"\\(.)", r"\1", match[2])
        if len(term) < 2:
            raise Malformed("search term must be longer than one character")
        yield tuple(term.casefold().split())
        rest = rest[match.end() :]


def _contains(words: list[str], term: tuple[str, ...]) -> bool:
    return any(tuple(words[i : i + len(term)]) == term for i in range(len(words)))


class _Reader:
    """Reads from left to right."""

    def __init__(self, text: str) -> None:
        self._tokens = list[tuple[str, str]]()
        at = 0
        text = text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise Malformed(f"unexpected token: {text[at:]}")
            self._tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
            at = match.end()

    def query(self) -> Query:
        self._take("SELECT")
        fields = self._names()
        self._take("FROM")
        query = self._rest(fields, self._next("name"))
        if self._tokens:
            raise Malformed(f"unexpected token: {self._tokens[0][1]}")
        return query

    def parts(self) -> Iterator[Query]:
        while self._tokens:
            table = self._next("name")
            self._take("(")
            yield self._rest(self._names(), table)
            self._take(")")
            if self._tokens:
                self._take(",")

    def _rest(self, fields: tuple[str, ...], table: str) -> Query:
        condition = self._any() if self._is("WHERE") else _always
        order: tuple[str, ...] = ()
        if self._is("ORDER"):
            self._take("BY")
            order = self._names()
        limit = int(self._next("number")) if self._is("LIMIT") else None
        offset = int(self._next("number")) if self._is("OFFSET") else 0
        if offset > 2_000:
            raise Malformed("NUMBER_OUTSIDE_VALID_RANGE")
        return Query(fields, table, condition, order, limit, offset)

    def _any(self) -> Condition:
        parts = [self._all()]
        while self._is("OR"):
            parts.append(self._all())
        return lambda row: any(part(row) for part in parts)

    def _all(self) -> Condition:
        parts = [self._one()]
        while self._is("AND"):
            parts.append(self._one())
        return lambda row: all(part(row) for part in parts)

    def _one(self) -> Condition:
        if self._is("("):
            inner = self._any()
            self._take(")")
            return inner
        field = self._next("name")
        if self._is("LIKE"):
            is_like = _like(self._next("string"))
            return lambda row: is_like(str(_value(row, field) or ""))
        if self._is("IN"):
            self._take("(")
            values = {_string(self._next("string"))}
            while self._is(","):
                values.add(_string(self._next("string")))
            self._take(")")
            return lambda row: _value(row, field) in values
        if self._is(">="):
            time = self._next("time")
            return lambda row: str(_value(row, field)) >= time
        if self._is(">"):
            least = _string(self._next("string"))
            return lambda row: str(_value(row, field)) > least
        self._take("=")
        return self._equal(field)

    def _equal(self, field: str) -> Condition:
        if self._is("false"):
            return lambda row: not _value(row, field)
        text = _string(self._next("string")).casefold()
        return lambda row: str(_value(row, field) or "").casefold() == text

    def _names(self) -> tuple[str, ...]:
        names = [self._next("name")]
        while self._is(","):
            names.append(self._next("name"))
        return tuple(names)

    def _is(self, word: str) -> bool:
        if not self._tokens or self._tokens[0][1] != word or self._tokens[0][0] == "string":
            return False
        self._tokens.pop(0)
        return True

    def _take(self, word: str) -> None:
        if not self._is(word):
            raise Malformed(f"expected {word}")

    def _next(self, kind: str) -> str:
        if not self._tokens or self._tokens[0][0] != kind:
            raise Malformed(f"expected a {kind}")
        return self._tokens.pop(0)[1]


def _always(_: Row) -> bool:
    return True


def _value(row: Row, field: str) -> Any:
    if field not in row:
        raise KeyError(field)
    return row[field]


def _string(quoted: str) -> str:
    def plain(match: re.Match[str]) -> str:
        if match[1] not in _ESCAPES:
            raise Malformed("illegal escape sequence")
        return _ESCAPES[match[1]]

    return re.sub(r"\\(.)", plain, quoted[1:-1], flags=re.DOTALL)


@lru_cache(maxsize=4096)
def _like(quoted: str) -> Callable[[str], bool]:
    """Whether a text is LIKE a string in quotes. For a part of a number, no pattern is made: that takes long."""
    if contained := _NUMBER_WITHIN.fullmatch(quoted):
        part = contained[1]
        return lambda text: part in text
    pattern = _pattern(quoted)
    return lambda text: pattern.fullmatch(text) is not None


def _pattern(quoted: str) -> re.Pattern[str]:
    parts = []
    for piece in re.findall(r"\\.|[^\\]", quoted[1:-1], re.DOTALL):
        if piece in ("%", "_"):
            parts.append(".*" if piece == "%" else ".")
        elif piece in (r"\%", r"\_"):
            parts.append(re.escape(piece[1]))
        else:
            parts.append(re.escape(_string(f"'{piece}'")))
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)
