"""The adapter type `http`: a connection names a definition, and sets its variables."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final, Self, cast

from pydantic import Field, PrivateAttr, ValidationError, create_model
from pydantic_core import InitErrorDetails, PydanticCustomError

from leadline_server.crm.declarative.adapter import DefinedConnection, DefinedCrm
from leadline_server.crm.declarative.answer_errors import AnswerErrors
from leadline_server.crm.declarative.authorizers import authorizer, checked_address
from leadline_server.crm.declarative.compiled_definition import CompiledDefinition
from leadline_server.crm.declarative.definition import ContactType, Definition, Variable
from leadline_server.crm.declarative.definition_files import MOST_KEPT, load_definition, shipped_names
from leadline_server.crm.declarative.operation_sender import Observer, OperationSender
from leadline_server.crm.toolkit import (
    AccountView,
    AdapterContext,
    AdapterType,
    Connect,
    Declared,
    HttpAnswer,
    HttpClient,
    KnownGaps,
    Origin,
    Secret,
    Throttle,
)
from leadline_server.crm.toolkit.own_fields import OwnFields, SettingsWithFields
from leadline_server.definitions.problems import BadDefinition
from leadline_server.definitions.templates import TemplateFailed
from leadline_server.domain.crm_errors import CrmError, CrmUnavailable
from leadline_server.ports.crm import CrmAdapter
from leadline_server.ports.crm_guarantees import (
    ALL_METHODS,
    MOST_NUMBERS,
    Capabilities,
    CrmMethod,
    LookupRecall,
    NameSearch,
    RateLimit,
)

Values = Mapping[str, Any]


class HttpSettings(SettingsWithFields):
    """The settings of every connection. The definition's variables are added to them."""

    definition: str = Field(description="The name of a definition that comes with leadline, or the path of a file.")
    timeout: float = Field(10.0, gt=0, le=60, description="Seconds that one request may take.")

    _definition: CompiledDefinition = PrivateAttr()

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Load the definition, and validate the other settings by its variables."""
        name = obj.get("definition") if isinstance(obj, dict) else None
        if not isinstance(name, str):
            return super().model_validate(obj, **options)
        try:
            compiled = load_definition(name)
        except BadDefinition as error:
            raise _validation_error(name, error.problems) from None
        kind = cast("type[Self]", _with_variables(cls, compiled))
        settings = super(HttpSettings, kind).model_validate(obj, **options)
        settings._definition = compiled  # noqa: SLF001 - its own class
        return settings

    @property
    def compiled(self) -> CompiledDefinition:
        """The definition."""
        return self._definition

    @property
    def values(self) -> Values:
        """The values of the definition's variables, including the secret ones."""
        return {
            name: getattr(self, name).get_secret_value() if variable.secret else getattr(self, name)
            for name, variable in self._definition.definition.variables.items()
        }


@lru_cache(maxsize=MOST_KEPT)
def _with_variables(kind: type[HttpSettings], compiled: CompiledDefinition) -> type[HttpSettings]:
    """The settings with the definition's variables. To make them takes longer than to validate them."""
    return create_model(kind.__name__, __base__=kind, **_fields(compiled.definition))


def _fields(definition: Definition) -> dict[str, Any]:
    return {name: (_type(variable), _field(variable)) for name, variable in definition.variables.items()}


def _type(variable: Variable) -> Any:
    if variable.secret:
        return Secret
    return {"text": str, "address": Origin, "flag": bool}[variable.kind]


def _field(variable: Variable) -> Any:
    if variable.default is None:
        return Field(description=variable.description)
    default: Any = variable.default
    return Field(default, description=variable.description, validate_default=True)


def _validation_error(name: str, problems: list[str]) -> ValidationError:
    details = [
        InitErrorDetails(
            type=PydanticCustomError("definition", "{problem}", {"problem": f"{name}: {problem}"}),
            loc=("definition",),
            input=name,
        )
        for problem in problems
    ]
    return ValidationError.from_exception_data("HttpSettings", details)


def capabilities(compiled: CompiledDefinition, values: Values) -> Capabilities:
    """The capabilities of a definition with these values of its variables."""
    definition = compiled.definition
    can, find = definition.capabilities, definition.operations.find_call_log
    return Capabilities(
        finds_log_by_key=find is not None and all(values[name] for name in find.needs),
        enforces_unique_key=can.enforces_unique_key,
        moves_log=can.moves_log,
        search_lag=timedelta(seconds=can.search_lag),
        settle_time=timedelta(seconds=can.settle_time),
        contact_types=tuple(_types(definition, values)) if definition.types else (),
        rate_limits=tuple(RateLimit(rate.requests, rate.seconds, rate.scope) for rate in can.rates),
        numbers_per_lookup=MOST_NUMBERS if definition.operations.find_contacts.numbers == "all" else 1,
        lookup_recall=LookupRecall.COMPLETE if can.finds_every_form else LookupRecall.FORMS_ASKED,
        follows_moved_contacts=definition.operations.get_contact.response.moved_to is not None,
        methods=_methods(compiled),
        deletes_contacts=compiled.delete_contact is not None,
        searches=NameSearch(can.searches),
        has_subject="subject" in compiled.create_call_log.names,
        has_company=can.has_company,
    )


def _methods(compiled: CompiledDefinition) -> frozenset[CrmMethod]:
    methods, read = ALL_METHODS, compiled.read_call_log
    if compiled.update_call_log is None:
        methods -= {CrmMethod.UPDATE_CALL_LOG}
    if read is not None and not read.names & {"contact_id", "type"}:
        methods |= {CrmMethod.GET_CALL_LOG}
    return methods


def _types(definition: Definition, values: Values) -> Mapping[str, ContactType | None]:
    kinds = {name: kind for name, kind in definition.types.items() if all(values[need] for need in kind.needs)}
    return kinds or {"": None}


def default_capabilities(compiled: CompiledDefinition) -> Capabilities:
    """The capabilities if only the required variables are set."""
    values = {name: variable.default or "" for name, variable in compiled.definition.variables.items()}
    return capabilities(compiled, values)


def open_connection(
    settings: HttpSettings, context: AdapterContext, observer: Observer | None = None, at_once: int | None = None
) -> DefinedConnection:
    """Open a connection. `observer` sees its requests; `at_once` limits the concurrent requests of one lookup.

    Raises:
        CrmUnavailable: a template of the definition fails with these settings; the message says which.
    """
    compiled, values = settings.compiled, settings.values
    definition = compiled.definition
    public = {name: value for name, value in values.items() if not definition.variables[name].secret}
    try:
        base_url = checked_address(compiled.base_url.text(public), "base_url")
        headers = {name: template.text(public) for name, template in compiled.headers.items()}
        authorization = authorizer(definition, values, base_url, context)
    except TemplateFailed as error:
        raise CrmUnavailable(f"connections.{context.name}: {error}") from error
    limits = definition.limits.model_copy(update={"at_once": at_once or definition.limits.at_once})
    can, failures = capabilities(compiled, values), AnswerErrors(compiled, lambda: authorization.secrets)

    def failure(answer: HttpAnswer) -> CrmError | None:
        if observer:
            observer.received(answer)
        return failures(answer)

    client = HttpClient(
        context.session,
        base_url,
        authorization,
        failure=failure,
        throttle=Throttle(can.rate_limits),
        headers=headers,
        deadline=settings.timeout,
    )
    return DefinedConnection(
        definition=compiled,
        variables=public,
        types=_types(definition, values),
        capabilities=can,
        sender=OperationSender(client, base_url, limits, observer),
        own=OwnFields(settings),
    )


async def _open(settings: HttpSettings, context: AdapterContext) -> Connect:
    connected = open_connection(settings, context)

    def connect(account: AccountView) -> CrmAdapter:
        return DefinedCrm(connected, account)

    return connect


class _Shipped(Mapping[str, Declared]):
    """The declarations of the shipped definitions. They are read when they are asked for."""

    def __getitem__(self, how: str) -> Declared:
        compiled = load_definition(how.removeprefix(_BY))
        lost = compiled.definition.known_gaps
        known_gaps = KnownGaps(fields=frozenset(lost.fields), forms=frozenset(lost.forms), texts=frozenset(lost.texts))
        return Declared(capabilities=default_capabilities(compiled), known_gaps=known_gaps)

    def __iter__(self) -> Iterator[str]:
        return (f"{_BY}{name}" for name in shipped_names())

    def __len__(self) -> int:
        return len(shipped_names())


_BY: Final = "by the definition "

HTTP: Final = AdapterType(
    name="http",
    title="Any CRM with a JSON API, by a definition file",
    settings=HttpSettings,
    open=_open,
    variants=_Shipped(),
)
