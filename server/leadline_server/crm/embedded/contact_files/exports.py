"""Exports of address books, CRMs and phone systems that are known by their headers.

The general rules of `header_words` read most of their columns. Here stands which export a file is, and what the rules
cannot tell: that "Home" is a number in a phone book of 3CX, that "Nombre" is the first name in Spanish Outlook.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from leadline_server.crm.embedded.contact_files.header_words import Field, HeaderReason, header_words


@dataclass(frozen=True, slots=True)
class KnownExport:
    """An export.

    Attributes:
        name: as people call it.
        signatures: sets of headers (their words); a file that has all of one set is this export.
        columns: what columns hold, by their words, where the general rules would say something else.
    """

    name: str
    signatures: tuple[frozenset[str], ...]
    columns: Mapping[str, Field | HeaderReason] = field(default_factory=dict)


def _signature(*headers: str) -> frozenset[str]:
    return frozenset(map(header_words, headers))


def _columns(told: Mapping[Field | HeaderReason, Sequence[str]]) -> dict[str, Field | HeaderReason]:
    return {header_words(header): what for what, headers in told.items() for header in headers}


EXPORTS: Final = (
    KnownExport(
        "Google Contacts",
        (_signature("Phone 1 - Value", "Phone 1 - Label"), _signature("Phone 1 - Value", "Phone 1 - Type")),
    ),
    KnownExport(
        "Outlook",
        (_signature("First Name", "Last Name", "Business Phone", "Business Phone 2"),
         _signature("First Name", "Last Name", "Business Phone", "E-mail Address")),
        _columns({Field.PHONE: ["Callback", "ISDN", "TTY/TDD Phone"]}),
    ),
    KnownExport(
        "Outlook (German)",
        (_signature("Vorname", "Nachname", "Telefon geschäftlich"),
         _signature("Vorname", "Nachname", "Telefon (geschäftlich)")),
        _columns({Field.PHONE: ["Rückmeldung", "ISDN"], Field.TITLE: ["Position"]}),
    ),
    KnownExport(
        "Outlook (French)",
        (_signature("Prénom", "Nom", "Téléphone (bureau)"), _signature("Prénom", "Nom", "Téléphone 2 (bureau)")),
        _columns({
            Field.PHONE: ["Rappel", "RNIS"], Field.LAST_NAME: ["Nom"], Field.TITLE: ["Titre"],
            Field.EMAIL: ["Adresse de courrier"], HeaderReason.FAX: ["Récepteur de radiomessagerie"],
        }),
    ),
    KnownExport(
        "Outlook (Spanish)",
        (_signature("Nombre", "Apellidos", "Teléfono del trabajo"), _signature("Nombre", "Apellidos", "Particular")),
        _columns({
            Field.FIRST_NAME: ["Nombre"], Field.TITLE: ["Puesto"], Field.COMPANY: ["Organización"],
            Field.PHONE: [
                "Particular", "Devolución de llamada", "Número de devolución de llamada", "RDSI", "Número de teletipo",
                "Número central de la organización", "Número de teléfono particular 2",
            ],
        }),
    ),
    KnownExport(
        "HubSpot",
        (_signature("Record ID", "First Name", "Last Name", "Phone Number"),
         _signature("Record ID", "Lead Status", "Create Date"),
         _signature("Record ID", "Contact owner", "Associated Company")),
    ),
    KnownExport(
        "Zoho CRM",
        (_signature("Record Id", "Contact Owner", "Created Time"),
         _signature("Record Id", "Lead Owner", "Created Time"),
         _signature("Contact Id", "Contact Owner", "Mobile"), _signature("Lead Id", "Lead Owner", "Mobile"),
         _signature("Contact Owner", "Asst Phone", "Account Name"),
         _signature("Lead Owner", "Company", "Phone", "Mobile")),
    ),
    KnownExport(
        "Salesforce",
        (_signature("First Name", "Last Name", "Account Name", "Asst. Phone"),
         _signature("First Name", "Last Name", "Account Name", "Mailing Street"),
         _signature("Salutation", "First Name", "Last Name", "Account Name"),
         _signature("First Name", "Last Name", "Company / Account"),
         _signature("AccountId", "LastName", "MobilePhone"), _signature("IsDeleted", "LastName", "Phone")),
        _columns({Field.COMPANY: ["Company / Account"]}),
    ),
    KnownExport(
        "Pipedrive",
        (_signature("Person - Name", "Person - Phone - Work"), _signature("Person - Name", "Person - Phone"),
         _signature("Person - Name", "Person - ID")),
        _columns({
            Field.NAME: ["Person - Name"], Field.FIRST_NAME: ["Person - First name"],
            Field.LAST_NAME: ["Person - Last name"], Field.ID: ["Person - ID"],
            Field.EMAIL: ["Person - Email", "Person - Email - Work", "Person - Email - Home", "Person - Email - Other"],
            Field.COMPANY: ["Person - Organization", "Organization - Name"], Field.TITLE: ["Person - Job title"],
            Field.CREATED: ["Person - Created", "Person - Person created"],
            Field.LAST_ACTIVITY: ["Person - Last activity date"],
        }),
    ),
    KnownExport(
        "3CX phone book",
        (_signature("FirstName", "LastName", "Mobile", "Business", "Home"),
         _signature("FirstName", "LastName", "Business", "BusinessFax")),
        _columns({
            Field.PHONE: ["Mobile", "Mobile2", "Mobile 2", "Home", "Home2", "Home 2", "Business", "Business2",
                          "Business 2", "Other"],
        }),
    ),
    KnownExport(
        "Yealink phone book",
        (_signature("display_name", "office_number", "mobile_number", "other_number"),
         _signature("display_name", "office_number")),
        _columns({HeaderReason.NO_FIELD: ["line", "ring", "auto_divert", "priority", "group_id_name"]}),
    ),
    KnownExport(
        "FreePBX Contact Manager",
        (_signature("displayname", "fname", "lname"), _signature("phone_1_number", "phone_1_type"),
         _signature("id", "name", "number", "email", "company")),
        _columns({Field.NAME: ["displayname"]}),
    ),
    KnownExport(
        "FusionPBX",
        (_signature("contact_name_given", "contact_name_family"), _signature("contact_organization", "phone_number")),
        _columns({HeaderReason.ABOUT_NUMBER: ["phone_type_fax"]}),
    ),
    KnownExport(
        "Thunderbird",
        (_signature("Primary Email", "Work Phone", "Mobile Number"),
         _signature("Display Name", "Primary Email", "Screen Name")),
    ),
    KnownExport(
        "Thunderbird (German)",
        (_signature("Primäre E-Mail-Adresse", "Tel. dienstlich", "Mobil-Tel.-Nr."),
         _signature("Anzeigename", "Primäre E-Mail-Adresse", "Tel. dienstlich")),
    ),
)  # fmt: skip
"""The more particular ones first: the first that fits is taken."""


def find_export(header: Sequence[str]) -> KnownExport | None:
    """The export that a header belongs to."""
    words = set(map(header_words, header))
    return next((export for export in EXPORTS if any(words >= signature for signature in export.signatures)), None)
