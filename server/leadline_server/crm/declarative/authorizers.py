"""Authorizers of requests, made from the `authentication` table of a definition."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

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
from leadline_server.crm.toolkit import AdapterContext, Authorizer, OAuthGrant, Origin, oauth_authorizer
from leadline_server.crm.toolkit.authorization import basic
from leadline_server.definitions.answer_path import AnswerPath
from leadline_server.definitions.problems import ProblemList, unknown_name
from leadline_server.definitions.templates import Template, TemplateFailed

_SAMPLE_TOKEN: Final = {"access_token": "sample"}

_origin: Final[TypeAdapter[str]] = TypeAdapter(Origin)


class FixedHeaders:
    """An Authorizer with headers that never change, and the secrets in them."""

    def __init__(self, headers: Mapping[str, str], secrets: Iterable[str]) -> None:
        self._headers = headers
        self._secrets = tuple(secrets)

    async def headers(self) -> Mapping[str, str]:
        """The headers."""
        return self._headers

    async def renew(self, refused: Mapping[str, str]) -> bool:  # noqa: ARG002 - see Authorizer
        """Return False: there are no other headers."""
        return False

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets."""
        return self._secrets


def authorizer(definition: Definition, values: Mapping[str, Any], base_url: str, context: AdapterContext) -> Authorizer:
    """The authorizer of a connection. `values` has all variables, including the secret ones.

    Raises:
        TemplateFailed: a template cannot be rendered with these values.
    """
    secrets = [str(values[name]) for name, variable in definition.variables.items() if variable.secret]
    match definition.authentication:
        case NoAuthentication():
            return FixedHeaders({}, secrets)
        case HeaderAuthentication() as method:
            value = _text(method.value, "value", values)
            return FixedHeaders({method.header: value}, [value, *secrets])
        case BasicAuthentication() as method:
            value = basic(_text(method.user, "user", values), _text(method.password, "password", values))
            return FixedHeaders({"Authorization": value}, [value.removeprefix("Basic "), *secrets])
        case OAuthAuthentication() as method:
            return oauth_authorizer(_grant(method, values), context)
        case LoginAuthentication() as method:
            return LoginAuthorizer(context.session, _login(method, values, base_url, secrets), context.clock, 10.0)


def check_authentication(definition: Definition, problems: ProblemList) -> None:
    """Add the problems of a definition's authentication."""
    method, known = definition.authentication, set(definition.variables)
    values = variables_of(definition, is_full=True)
    for name, source in _texts(method):
        has_token = isinstance(method, LoginAuthentication) and name == "value"
        template = problems.template(source, f"authentication.{name}")
        if unknown := sorted(template.names - known - (_SAMPLE_TOKEN.keys() if has_token else set())):
            problems.add(template.location, unknown_name(unknown[0], known))
            continue
        try:
            template.text({**values, **(_SAMPLE_TOKEN if has_token else {})})
        except TemplateFailed as error:
            problems.problems.append(str(error))
    if isinstance(method, LoginAuthentication):
        _check_login(method, known, values, problems)


def _check_login(
    method: LoginAuthentication, known: set[str], values: Mapping[str, Any], problems: ProblemList
) -> None:
    problems.path(method.token, "authentication.token")
    if isinstance(method.lifetime, str):
        problems.path(method.lifetime, "authentication.lifetime")
    request = RequestTemplate(_operation(method), "authentication", problems)
    if unknown := sorted({name for template in request.templates for name in template.names} - known):
        problems.add(
            "authentication", f"there is no {unknown[0]} here; there is {', '.join(sorted(known)) or 'nothing'}"
        )
        return
    try:
        request.built(values)
    except TemplateFailed as error:
        problems.problems.append(str(error))


def _texts(method: Any) -> Iterable[tuple[str, str]]:
    """The templates of an authentication, by key."""
    names: Mapping[type[Any], tuple[str, ...]] = {
        HeaderAuthentication: ("value",),
        BasicAuthentication: ("user", "password"),
        OAuthAuthentication: ("token_url", "client_id", "client_secret", "refresh_token", "scope"),
        LoginAuthentication: ("value",),
    }
    yield from ((name, getattr(method, name)) for name in names.get(type(method), ()))
    if isinstance(method, OAuthAuthentication):
        yield from ((f"extra.{name}", source) for name, source in method.extra.items())


def _grant(method: OAuthAuthentication, values: Mapping[str, Any]) -> OAuthGrant:
    return OAuthGrant(
        token_url=checked_address(_text(method.token_url, "token_url", values), "authentication.token_url"),
        client_id=_text(method.client_id, "client_id", values),
        client_secret=_text(method.client_secret, "client_secret", values),
        refresh_token=_text(method.refresh_token, "refresh_token", values),
        scope=_text(method.scope, "scope", values),
        client_in=method.client_in,
        scheme=method.scheme,
        extra={name: _text(source, f"extra.{name}", values) for name, source in method.extra.items()},
    )


def _login(method: LoginAuthentication, values: Mapping[str, Any], base_url: str, secrets: list[str]) -> Login:
    value = Template(method.value, "authentication.value")
    return Login(
        base_url=base_url,
        request=RequestTemplate(_operation(method), "authentication", ProblemList()).built(values),
        token=AnswerPath(method.token),
        lifetime=AnswerPath(method.lifetime) if isinstance(method.lifetime, str) else method.lifetime,
        header=method.header,
        value=lambda token: value.text({**values, "access_token": token}),
        secrets=tuple(secrets),
    )


def _operation(method: LoginAuthentication) -> Operation:
    return Operation(method=method.method, path=method.path, headers=method.headers, body=method.body)


def _text(source: str, name: str, values: Mapping[str, Any]) -> str:
    return Template(source, f"authentication.{name}").text(values)


def checked_address(address: str, location: str) -> str:
    """An address, if secrets may be sent to it. Raises TemplateFailed."""
    try:
        return _origin.validate_python(address)
    except ValidationError as error:
        reason = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise TemplateFailed(f"{location}: {reason}") from None
