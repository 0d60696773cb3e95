"""Page sizes and page tokens."""

from typing import Final

from leadline_server.domain import tokens
from leadline_server.domain.errors import FieldViolation, InvalidPageToken

DEFAULT_PAGE_SIZE: Final = 50


class PageTokens:
    """Makes and reads the page tokens of one kind of list. A token is bound to its list's filter."""

    def __init__(self, secret: bytes, kind: str) -> None:
        self._secret = secret
        self._kind = kind

    def make(self, selection: str, position: str) -> str:
        """The token that goes on from `position`."""
        return tokens.sign(self._secret, self._kind, selection, position)

    def read(self, selection: str, token: str) -> str:
        """The position that a token goes on from.

        Raises:
            InvalidPageToken: it was not made for this very list.
        """
        position = tokens.verify(self._secret, self._kind, selection, token)
        if position is None:
            raise InvalidPageToken([FieldViolation("page_token", "was not made for this list with this filter")])
        return position
