"""Routes: the definitions that accounts use, each with the account's secret."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from leadline_server.definitions.problems import BadDefinition
from leadline_server.domain.unshown import unshown
from leadline_server.ingress.authentication import is_public_key
from leadline_server.ingress.compiled_definition import CompiledIngress
from leadline_server.ingress.definition_files import load_ingress
from leadline_server.ingress.schemes import Ed25519Scheme, Scheme, TwilioScheme
from leadline_server.ingress.settings import RouteConfig

RouteKey = tuple[str, str]
"""The route's name and the account's id."""


@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route.

    Attributes:
        name: the name in its address.
        account_id: the account whose calls come on it.
        definition: how its requests are read.
        secret: authenticates requests.
        user: the user of Basic authentication.
        source: the source that call ids carry.
        expect: the values that every event must have, by name.
    """

    name: str
    account_id: str
    definition: CompiledIngress
    secret: str
    user: str
    source: str
    expect: Mapping[str, str]

    @property
    def scheme(self) -> Scheme:
        """How its requests are authenticated."""
        return self.definition.definition.authentication

    @property
    def path(self) -> str:
        """The path of its address."""
        return f"/ingress/{self.name}/{self.account_id}"

    def is_expected(self, context: Mapping[str, Any], *, may_lack: bool) -> bool:
        """Whether an event has the values that it must have.

        Args:
            context: what the expressions read.
            may_lack: whether it may lack a value. Otherwise a value that is missing is a wrong one.
        """
        found = ((self.definition.expect[name].text(context), value) for name, value in self.expect.items())
        return all(text == value or (may_lack and not text) for text, value in found)


def load_routes(accounts: Mapping[str, Mapping[str, RouteConfig]], public_url: str) -> dict[RouteKey, Route]:
    """The routes of the settings.

    Args:
        accounts: the settings of each account's routes, by the account's id and the route's name.
        public_url: the address at which phone systems reach leadline; empty: none.

    Raises:
        BadDefinition: a route is incomplete, or its definition has problems. All of them are listed.
    """
    routes: dict[RouteKey, Route] = {}
    problems = list[str]()
    each = ((account_id, *item) for account_id, configs in accounts.items() for item in configs.items())
    for account_id, name, config in each:
        location = f"accounts.{account_id}.ingress.{name}"
        try:
            definition = load_ingress(config.definition or name)
        except BadDefinition as error:
            problems += [f"{location}.definition: {problem}" for problem in error.problems]
            continue
        problems += [f"{location}.{problem}" for problem in _problems(config, definition, public_url)]
        routes[name, account_id] = Route(
            name=name,
            account_id=account_id,
            definition=definition,
            secret=config.secret.get_secret_value(),
            user=config.user,
            source=config.source,
            expect=config.expect,
        )
    if problems:
        raise BadDefinition(problems)
    return routes


def _problems(config: RouteConfig, definition: CompiledIngress, public_url: str) -> Iterator[str]:
    scheme, secret = definition.definition.authentication, config.secret.get_secret_value()
    if not secret:
        yield "secret: is required; without one anybody could report calls"
    elif isinstance(scheme, Ed25519Scheme) and not is_public_key(secret):
        yield "secret: must be the public key, 32 bytes in Base64"
    if isinstance(scheme, TwilioScheme) and not public_url:
        yield "definition: needs public_url, because the signature covers the address"
    for name in sorted(definition.expect.keys() - config.expect.keys()):
        yield f"expect.{name}: is required by the definition"
    for name in sorted(config.expect.keys() - definition.expect.keys()):
        yield f"expect.{name}: the definition has no such name; it has {', '.join(sorted(definition.expect)) or _NONE}"


_NONE: Final = "none"
