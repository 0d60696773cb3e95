"""Definitions are checked when they are loaded, and every problem is told with its place."""

import json
from pathlib import Path

import pytest
from leadline_server.crm.declarative.adapter_type import HTTP, default_capabilities
from leadline_server.crm.declarative.definition import json_schema
from leadline_server.crm.declarative.definition_files import load_definition, parse_definition, shipped_names
from leadline_server.definitions.problems import BadDefinition
from support.acorn import DEFINITION, DOCUMENT, changed
from unit.test_docs import rows

CALL_BODY = 'title = "{{ subject }}"'

HEADER = 'type = "header"\nheader = "X-Acorn-Key"\nvalue = "{{ api_key }}"'


LOGIN = """type = "login"
path = "/login"
body = { password = "{{ api_key }}" }
token = "token"
lifetime = 600
header = "X-Acorn-Key"
value = "{{ access_token }}\"
"""


FORM_TOO = '[operations.create_call_log.form]\ntitle = "{{ subject }}"\n\n[operations.create_call_log.response]'

WRONG = {
    "a key that does not exist": (
        {'path = "/me"': 'path = "/me"\npth = 1'},
        "operations.check.pth: there is no such key",
    ),
    "a key that is missing": ({'name = "full_name"\n': ""}, "contact.name: is required"),
    "an authentication of no kind": ({'type = "header"': 'type = "magic"'}, "authentication: Input tag 'magic'"),
    "a wrong field of a kind": ({'header = "X-Acorn-Key"': "header = 7"}, "authentication.header: Input should be"),
    "a template that breaks off": (
        {CALL_BODY: 'title = "{{ subject"'},
        "operations.create_call_log.body.title: is not a template",
    ),
    "a filter that does not exist": (
        {CALL_BODY: 'title = "{{ subject | loud }}"'},
        "body.title: is not a template: No filter",
    ),
    "a name that does not exist": (
        {CALL_BODY: 'title = "{{ subjet }}"'},
        "body.title: there is no subjet here; there is",
    ),
    "a part that does not exist": ({CALL_BODY: 'title = "{{ call.nte }}"'}, "body.title: cannot be rendered"),
    "a loop": ({CALL_BODY: 'title = "{% for x in call %}{% endfor %}"'}, "body.title: a template has no for"),
    "a call": ({CALL_BODY: 'title = "{{ subject.upper() }}"'}, "body.title: a template has no call"),
    "another file": ({CALL_BODY: """title = "{% include 'x' %}\""""}, "body.title: a template has no include"),
    "much of little": (
        {CALL_BODY: """title = "{{ 'x' * 99999999 }}\""""},
        "body.title: cannot be rendered (SecurityError)",
    ),
    "a way out": ({CALL_BODY: """title = "{{ ''.__class__ }}\""""}, "body.title: cannot be rendered"),
    "a deep place": (
        {'tags = ["phone", ': 'tags = ["{{ nobody }}", '},
        "create_call_log.body.tags[0]: there is no nobody",
    ),
    "an expression that breaks off": (
        {'contacts = "people"': 'contacts = "people["'},
        "response.contacts: is not a JMESPath expression",
    ),
    "a secret in an address": (
        {'{ phone = "{{ form }}"': '{ key = "{{ api_key }}", phone = "{{ form }}"'},
        "operations.find_contacts.query.key: api_key is a secret, and only authentication may use it",
    ),
    "a variable that is leadline's": (
        {"[variables.base_url]": "[variables.key]"},
        "variables.key: this name is reserved",
    ),
    "a query in a path": ({'path = "/me"': 'path = "/me?x=1"'}, "operations.check.path: has a ?"),
    "a host in a path": (
        {'path = "/me"': 'path = "https://x.example/me"'},
        "operations.check.path: begins with `base_url`",
    ),
    "nobody is looked up": (
        {'phone = "{{ form }}"': 'phone = "1"'},
        "operations.find_contacts: sends no form and no number",
    ),
    "a cursor that is not sent": (
        {', after = "{{ cursor or none }}"': ""},
        "operations.find_contacts.response.paging: the request does not send the cursor",
    ),
    "two ways of paging": (
        {'{ next = "next" }': '{ next = "next", size = 5 }'},
        "paging: has one of next, next_url and size",
    ),
    "an update of a text that is not read": (
        {
            "[operations.check]": '[operations.update_call_log]\nmethod = "PUT"\npath = "/calls/{{ log_id }}"\n'
            'body = { text = "{{ body }}" }\n\n[operations.check]'
        },
        "operations.update_call_log: sends the body, and would delete text that people added",
    ),
    "logs are looked for by what they do not have": (
        {
            "[operations.check]": '[operations.find_call_log]\npath = "/calls"\nquery.key = "{{ key }}"\n'
            'response.logs = "calls"\n\n[operations.check]'
        },
        "operations.find_call_log: create_call_log does not send the key",
    ),
    "a promise of unique keys": (
        {"[contact]": "[capabilities]\nenforces_unique_key = true\n\n[contact]"},
        "capabilities.enforces_unique_key: create_contact and create_call_log do not both send the key",
    ),
    "a promise to move logs": (
        {"[contact]": "[capabilities]\nmoves_log = true\n\n[contact]"},
        "capabilities.moves_log: there is no update_call_log that sends contact_id",
    ),
    "a rule for everything": ({"when = \"error.code == 'busy'\"\n": ""}, "errors[0]: matches every answer"),
    "kinds that are apart and not there": (
        {"format = 1": "format = 1\nseparate_types = true"},
        "separate_types: there are no types",
    ),
    "a need of nothing": (
        {"[contact]": '[types.person]\nneeds = ["leads"]\n\n[contact]'},
        "types.person.needs: there is no variable leads",
    ),
    "a secret with a default": (
        {"secret = true": 'secret = true\ndefault = "x"'},
        "variables.api_key.default: a secret has none",
    ),
    "a flag without a default": (
        {'kind = "address"': 'kind = "flag"'},
        "variables.base_url: a flag is not secret, and has a default",
    ),
    "an unknown name in the login": (
        {'value = "{{ api_key }}"\n\n[contact]': 'value = "{{ apikey }}"\n\n[contact]'},
        "authentication.value: there is no apikey here; there is api_key, base_url",
    ),
    "an unknown name in a login's request": (
        {HEADER: LOGIN.replace("{{ api_key }}", "{{ apikey }}")},
        "authentication: there is no apikey here; there is api_key, base_url",
    ),
    "a login that cannot be written": (
        {HEADER: LOGIN.replace("{{ api_key }}", "{{ api_key | int + api_key }}")},
        "authentication.body.password: cannot be rendered (TypeError)",
    ),
    "a way in that cannot be written": (
        {'value = "{{ api_key }}"\n\n[contact]': 'value = "{{ api_key | time(7) }}"\n\n[contact]'},
        "authentication.value: cannot be rendered",
    ),
    "a token's place that breaks off": (
        {HEADER: LOGIN.replace('token = "token"', 'token = "token["')},
        "authentication.token: is not a JMESPath expression",
    ),
    "an attribute that breaks off": (
        {'email = "email"': 'email = "email"\nattributes = { city = "address[" }'},
        "contact.attributes.city: is not a JMESPath expression",
    ),
    "a text that is a flag": (
        {'kind = "address"': 'kind = "address"\ndefault = true'},
        "variables.base_url.default: is a text",
    ),
    "a header for all that is not there": (
        {"[variables.base_url]": '[headers]\nX-Team = "{{ team }}"\n\n[variables.base_url]'},
        "headers.X-Team: there is no team here; there is base_url",
    ),
    "a secret in a header for all": (
        {"[variables.base_url]": '[headers]\nX-Key = "{{ api_key }}"\n\n[variables.base_url]'},
        "headers.X-Key: api_key is a secret, and only authentication may use it",
    ),
    "a total of pages that are not counted": (
        {'{ next = "next" }': '{ next = "next", total = "count" }'},
        "response.paging.total: needs size",
    ),
    "pages that are not asked for": (
        {'{ next = "next" }': "{ size = 5 }"},
        "paging: the request sends neither offset nor page",
    ),
    "a text of logs that nobody says where to find": (
        {
            "[operations.check]": '[operations.read_call_log]\npath = "/calls/{{ log_id }}"\n'
            'response.logs = "calls"\n\n[operations.check]'
        },
        "operations.read_call_log.response.body: is required",
    ),
    "a body and a form": (
        {CALL_BODY: 'title = "{{ subject }}"', "[operations.create_call_log.response]": FORM_TOO},
        "operations.create_call_log: has both body and form",
    ),
    "a template that fails with a default": (
        {
            "[variables.api_key]": '[variables.team]\ndescription = "Which."\ndefault = "sales"\n\n[variables.api_key]',
            CALL_BODY: """title = "{{ 1 / (0 if team == 'sales' else 1) }}\"""",
        },
        "operations.create_call_log.body.title: cannot be rendered (ZeroDivisionError)",
    ),
    "a problem in a list": (
        {'patterns = ["(###) ###-####", "###-###-####"]': 'patterns = ["(###) ###-####", 7]'},
        "operations.find_contacts.patterns[1]: Input should be a valid string",
    ),
    "another version": ({"format = 1": "format = 2"}, "format: Input should be 1"),
    "a settle time without an end": (
        {"[operations.check]": "[capabilities]\nsettle_time = inf\n\n[operations.check]"},
        "capabilities.settle_time: Input should be less than or equal to 600",
    ),
    "a search lag without an end": (
        {"[operations.check]": "[capabilities]\nsearch_lag = 1e300\n\n[operations.check]"},
        "capabilities.search_lag: Input should be less than or equal to 3600",
    ),
    "a window without an end": (
        {"[operations.check]": "[[capabilities.rates]]\nrequests = 1\nseconds = inf\n\n[operations.check]"},
        "capabilities.rates[0].seconds: Input should be less than or equal to 2678400",
    ),
    "no TOML": ({"format = 1": "format ="}, "it is not TOML"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_told_with_its_place(what: str) -> None:
    changes, problem = WRONG[what]
    with pytest.raises(BadDefinition) as caught:
        parse_definition(changed(changes))
    assert any(problem in said for said in caught.value.problems), caught.value.problems


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(BadDefinition) as caught:
        parse_definition(changed({CALL_BODY: 'title = "{{ x }}"', '"{{ body }}"': '"{{ y }}"', '"call.id"': '"call["'}))
    assert len(caught.value.problems) == 3


def test_the_example_of_the_document_is_right() -> None:
    assert parse_definition(DEFINITION).definition.title == "Acorn"


def test_a_login_whose_token_lives_for_a_fixed_time_is_right() -> None:
    assert parse_definition(changed({HEADER: LOGIN})).definition.authentication.type == "login"


@pytest.mark.parametrize("name", shipped_names())
def test_a_definition_that_comes_with_leadline_is_right_and_says_all_about_its_variables(name: str) -> None:
    compiled = load_definition(name)
    definition = compiled.definition
    assert all(variable.description.endswith(".") for variable in definition.variables.values())
    assert HTTP.variants[f"by the definition {name}"].capabilities == default_capabilities(compiled)
    document = (DOCUMENT.parent / "crms.md").read_text(encoding="utf-8")
    section = document.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    assert rows(section).keys() == definition.variables.keys()


def test_the_published_schema_is_that_of_the_models() -> None:
    published = DOCUMENT.parent / "schema" / "leadline-crm-definition.schema.json"
    assert json.loads(published.read_text(encoding="utf-8")) == json_schema()


@pytest.mark.parametrize("name", ["no-such-definition", "no-such-file.toml"])
def test_a_definition_that_is_not_there_is_told(name: str) -> None:
    with pytest.raises(BadDefinition):
        load_definition(name)


def test_a_file_that_is_no_text_or_too_large_is_told(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    for content in (b"\xff\xfe", b"#" * 1_000_001):
        file.write_bytes(content)
        with pytest.raises(BadDefinition):
            load_definition(str(file))
