"""From the authentication of a definition to what authorizes requests."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from leadline_server.crm.declarative.compiled_definition import ProblemList
from leadline_server.crm.declarative.definition import (
    BasicAuthentication,
    Definition,
    HeaderAuthentication,
    LoginAuthentication,
    NoAuthentication,
    OAuthAuthentication,
)
from leadline_server.crm.declarative.login import Login, LoginAuthorizer
from leadline_server.crm.declarative.operations import Operation
from leadline_server.crm.declarative.request_template import RequestTemplate
from leadline_server.crm.declarative.samples import variables_of
from leadline_server.crm.toolkit.adapter_type import AdapterContext
from leadline_server.crm.toolkit.authorization import Authorizer, basic
from leadline_server.crm.toolkit.oauth import OAuthGrant, oauth_authorizer
from leadline_server.crm.toolkit.url_settings import Origin
from leadline_server.definitions.answer_path import AnswerPath
from leadline_server.definitions.templates import Template, TemplateFailed

_TOKEN: Final = {"access_token": "sample"}

_origin: Final[TypeAdapter[str]] = TypeAdapter(Origin)


class FixedHeaders:
    """An Authorizer of headers that never change, and the secrets in them."""

    def __init__(self, headers: Mapping[str, str], secrets: Iterable[str]) -> None:
        self._headers = headers
        self._secrets = tuple(secrets)

    async def headers(self) -> Mapping[str, str]:
        """The headers."""
        return self._headers

    async def renew(self, refused: Mapping[str, str]) -> bool:  # noqa: ARG002 - see Authorizer
        """There are no others."""
        return False

    @property
    def secrets(self) -> tuple[str, ...]:
        """All that is known of them."""
        return self._secrets


def authorizer(definition: Definition, values: Mapping[str, Any], base_url: str, around: AdapterContext) -> Authorizer:
    """What authorizes the requests of a connection; `values` has all variables, the secrets too.

    Raises:
        TemplateFailed: a template cannot be rendered with these values.
    """
    secrets = [str(values[name]) for name, variable in definition.variables.items() if variable.secret]
    match definition.authentication:
        case NoAuthentication():
            return FixedHeaders({}, secrets)
        case HeaderAuthentication() as how:
            value = _text(how.value, "value", values)
            return FixedHeaders({how.header: value}, [value, *secrets])
        case BasicAuthentication() as how:
            value = basic(_text(how.user, "user", values), _text(how.password, "password", values))
            return FixedHeaders({"Authorization": value}, [value.removeprefix("Basic "), *secrets])
        case OAuthAuthentication() as how:
            return oauth_authorizer(_grant(how, values), around)
        case LoginAuthentication() as how:
            return LoginAuthorizer(around.session, _login(how, values, base_url, secrets), around.clock, 10.0)


def check_authentication(definition: Definition, notes: ProblemList) -> None:
    """Note what is wrong with the authentication of a definition."""
    how, known = definition.authentication, set(definition.variables)
    values = variables_of(definition, is_full=True)
    for name, source in _texts(how):
        has_token = isinstance(how, LoginAuthentication) and name == "value"
        template = notes.template(source, f"authentication.{name}")
        if unknown := sorted(template.names - known - (_TOKEN.keys() if has_token else set())):
            notes.note(
                template.place, f"there is no {unknown[0]} here; there is {', '.join(sorted(known)) or 'nothing'}"
            )
            continue
        try:
            template.text({**values, **(_TOKEN if has_token else {})})
        except TemplateFailed as error:
            notes.problems.append(str(error))
    if isinstance(how, LoginAuthentication):
        _check_login(how, known, values, notes)


def _check_login(how: LoginAuthentication, known: set[str], values: Mapping[str, Any], notes: ProblemList) -> None:
    notes.path(how.token, "authentication.token")
    if isinstance(how.lifetime, str):
        notes.path(how.lifetime, "authentication.lifetime")
    request = RequestTemplate(_operation(how), "authentication", notes)
    if unknown := sorted({name for template in request.templates for name in template.names} - known):
        notes.note("authentication", f"there is no {unknown[0]} here; there is {', '.join(sorted(known)) or 'nothing'}")
        return
    try:
        request.built(values)
    except TemplateFailed as error:
        notes.problems.append(str(error))


def _texts(how: Any) -> Iterable[tuple[str, str]]:
    """The single templates of an authentication."""
    names: Mapping[type[Any], tuple[str, ...]] = {
        HeaderAuthentication: ("value",),
        BasicAuthentication: ("user", "password"),
        OAuthAuthentication: ("token_url", "client_id", "client_secret", "refresh_token", "scope"),
        LoginAuthentication: ("value",),
    }
    yield from ((name, getattr(how, name)) for name in names.get(type(how), ()))
    if isinstance(how, OAuthAuthentication):
        yield from ((f"extra.{name}", source) for name, source in how.extra.items())


def _grant(how: OAuthAuthentication, values: Mapping[str, Any]) -> OAuthGrant:
    return OAuthGrant(
        token_url=checked_address(_text(how.token_url, "token_url", values), "authentication.token_url"),
        client_id=_text(how.client_id, "client_id", values),
        client_secret=_text(how.client_secret, "client_secret", values),
        refresh_token=_text(how.refresh_token, "refresh_token", values),
        scope=_text(how.scope, "scope", values),
        client_in=how.client_in,
        scheme=how.scheme,
        extra={name: _text(source, f"extra.{name}", values) for name, source in how.extra.items()},
    )


def _login(how: LoginAuthentication, values: Mapping[str, Any], base_url: str, secrets: list[str]) -> Login:
    value = Template(how.value, "authentication.value")
    return Login(
        base_url=base_url,
        request=RequestTemplate(_operation(how), "authentication", ProblemList()).built(values),
        token=AnswerPath(how.token),
        lifetime=AnswerPath(how.lifetime) if isinstance(how.lifetime, str) else how.lifetime,
        header=how.header,
        value=lambda token: value.text({**values, "access_token": token}),
        secrets=tuple(secrets),
    )


def _operation(how: LoginAuthentication) -> Operation:
    return Operation(method=how.method, path=how.path, headers=how.headers, body=how.body)


def _text(source: str, name: str, values: Mapping[str, Any]) -> str:
    return Template(source, f"authentication.{name}").text(values)


def checked_address(address: str, place: str) -> str:
    """An address that secrets may be sent to. Raises TemplateFailed."""
    try:
        return _origin.validate_python(address)
    except ValidationError as error:
        reason = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise TemplateFailed(f"{place}: {reason}") from None
