"""The public package for adapter authors. Everything that an adapter may need is listed here.

- What an adapter package offers: `AdapterType` with its settings, a subclass of `ConnectionSettings`. `open` gets an
  `AdapterContext` and returns a `Connect`, which makes the adapter of an `AccountView`. `KnownGaps` lists what the CRM
  does not keep. Fields of the settings: `Origin` for addresses, `Secret` for secrets.
- A CRM over HTTP: `HttpClient` with an `Authorizer` (`StaticAuthorizer`, or `oauth_authorizer` with an `OAuthGrant`), a
  `Throttle` and a function from an `HttpAnswer` to an error, such as `standard_failure`. `segment` quotes a part of a
  path.
- Text: `subject_of`, `body_of`, `updated_body` and `duration_of` write a call as text that people may add to, and
  `note_in` finds the note in it.
  `in_its_words` makes the CRM's own words fit for an error. `split_name` splits a name for two fields.
- Required and custom fields: `SettingsWithFields` are settings with `placeholder_fields` and `call_fields`. `OwnFields`
  renders these, and `with_own` merges them into a record. An adapter with the method of `TellsRequiredFields` returns a
  `FieldReport` of each `RequiredField`; `missing_of` makes one for the record of a `sample_draft` or a `sample_entry`.
- Lookups: `number_forms` lists the ways to write a number. `page_of` makes pages of a search by name; `read_cursor` and
  `write_cursor` are for adapters with another order. `together` sends several requests at once.

The port itself is `leadline_server.ports.crm`. The abilities that an adapter declares are in
`leadline_server.ports.crm_guarantees`, its errors in `leadline_server.domain.crm_errors`.
"""

from leadline_server.concurrency.fan_out import together
from leadline_server.crm.toolkit.adapter_type import (
    AccountView,
    AdapterContext,
    AdapterType,
    Connect,
    ConnectionSettings,
    Declared,
    KnownGaps,
)
from leadline_server.crm.toolkit.authorization import Authorizer, StaticAuthorizer
from leadline_server.crm.toolkit.call_text import Style, body_of, duration_of, note_in, subject_of, updated_body
from leadline_server.crm.toolkit.http_answers import HttpAnswer, standard_failure
from leadline_server.crm.toolkit.http_client import HttpClient, segment
from leadline_server.crm.toolkit.name_paging import page_of, read_cursor, write_cursor
from leadline_server.crm.toolkit.number_forms import number_forms
from leadline_server.crm.toolkit.oauth import OAuthAuthorizer, oauth_authorizer
from leadline_server.crm.toolkit.oauth_grant import OAuthGrant
from leadline_server.crm.toolkit.own_fields import (
    OwnFields,
    SettingsWithFields,
    sample_draft,
    sample_entry,
    with_own,
)
from leadline_server.crm.toolkit.redaction import in_its_words
from leadline_server.crm.toolkit.required_fields import FieldReport, RequiredField, TellsRequiredFields, missing_of
from leadline_server.crm.toolkit.throttle import Throttle, spread
from leadline_server.crm.toolkit.url_settings import Origin
from leadline_server.domain.person_name import split_name
from leadline_server.secret_settings import Secret

__all__ = [
    "AccountView",
    "AdapterContext",
    "AdapterType",
    "Authorizer",
    "Connect",
    "ConnectionSettings",
    "Declared",
    "FieldReport",
    "HttpAnswer",
    "HttpClient",
    "KnownGaps",
    "OAuthAuthorizer",
    "OAuthGrant",
    "Origin",
    "OwnFields",
    "RequiredField",
    "Secret",
    "SettingsWithFields",
    "StaticAuthorizer",
    "Style",
    "TellsRequiredFields",
    "Throttle",
    "body_of",
    "duration_of",
    "in_its_words",
    "missing_of",
    "note_in",
    "number_forms",
    "oauth_authorizer",
    "page_of",
    "read_cursor",
    "sample_draft",
    "sample_entry",
    "segment",
    "split_name",
    "spread",
    "standard_failure",
    "subject_of",
    "together",
    "updated_body",
    "with_own",
    "write_cursor",
]
