"""Columns are known by their headers, exports as a whole, and the user can say what a column holds."""

import io

import pytest
from leadline_server.crm.embedded.contact_files import (
    ChosenColumn,
    ContactRecord,
    CsvOptions,
    Field,
    FileItem,
    FileOutcome,
    PassedOver,
    UnreadableFile,
    read_csv,
)
from leadline_server.crm.embedded.contact_files.header_words import HeaderReason, classify, header_words


def read(text: str, *columns: ChosenColumn, region: str = "US") -> list[FileItem]:
    return list(read_csv(io.BytesIO(text.encode()), CsvOptions(region, columns)))


def record(text: str, *columns: ChosenColumn) -> ContactRecord:
    [only] = [item for item in read(text, *columns) if isinstance(item, ContactRecord)]
    return only


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("E-mail 1 - Value", "e mail 1 value"),
        ("Téléphone (bureau)", "telephone bureau"),
        ("MobilePhone", "mobile phone"),
        ("phone_1_number", "phone 1 number"),
        ("Tel.\nPrivat", "tel privat"),
        ("Straße", "strasse"),
    ],
)
def test_a_header_is_known_by_its_words(header: str, words: str) -> None:
    assert header_words(header) == words


@pytest.mark.parametrize(
    "header",
    [
        "Phone", "phone2", "Tel.", "Tel", "Telephone No.", "Mobile", "Cell", "Cell Phone", "Mobile Number",
        "Work Number", "Number", "Contact No", "WhatsApp", "Telefon", "Tel. dienstlich", "Telefonnummer", "Rufnummer",
        "Handy", "Handynummer", "Mobil-Tel.-Nr.", "Festnetz", "Téléphone", "Tél. mobile", "Portable", "Teléfono",
        "Móvil", "Celular", "Telefone", "Telemóvel", "Telefono cellulare",
        "Telefoon", "Mobiel", "GSM", "Telefon komórkowy", "Puhelin", "Callback",
    ],
)  # fmt: skip
def test_columns_of_numbers_are_known_in_many_languages(header: str) -> None:
    assert classify(header)[0] is Field.PHONE


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("Fax", HeaderReason.FAX),
        ("Fax Phone", HeaderReason.FAX),
        ("Phone 2 (Fax)", HeaderReason.FAX),
        ("Telefax", HeaderReason.FAX),
        ("Télécopie (bureau)", HeaderReason.FAX),
        ("Pager", HeaderReason.FAX),
        ("Buscapersonas", HeaderReason.FAX),
        ("Telex", HeaderReason.FAX),
        ("Assistant's Phone", HeaderReason.OTHER_PERSON),
        ("Asst. Phone", HeaderReason.OTHER_PERSON),
        ("Telefon (Assistent)", HeaderReason.OTHER_PERSON),
        ("Teléfono del ayudante", HeaderReason.OTHER_PERSON),
        ("Contact Owner Phone", HeaderReason.OTHER_PERSON),
        ("Do Not Phone", HeaderReason.ABOUT_NUMBER),
        ("donotphone", HeaderReason.ABOUT_NUMBER),
        ("Phone Opt Out", HeaderReason.ABOUT_NUMBER),
        ("Phone Type", HeaderReason.ABOUT_NUMBER),
        ("Phone 1 - Label", HeaderReason.ABOUT_NUMBER),
        ("Phone Extension", HeaderReason.ABOUT_NUMBER),
        ("Phone Country Code", HeaderReason.ABOUT_NUMBER),
        ("Last Phone Call Date", HeaderReason.ABOUT_NUMBER),
        ("phone_primary", HeaderReason.ABOUT_NUMBER),
        ("Do Not Call", HeaderReason.NO_FIELD),
        ("Notes", HeaderReason.NO_FIELD),
        ("Microsoft", HeaderReason.NO_FIELD),
        ("Number of Employees", HeaderReason.NO_FIELD),
        ("Hotel", HeaderReason.NO_FIELD),
        ("Excellent", HeaderReason.NO_FIELD),
    ],
)
def test_columns_that_hold_no_number_of_a_caller_are_left_out_with_the_reason(
    header: str, reason: HeaderReason
) -> None:
    assert classify(header)[0] is reason


def test_a_column_that_labels_a_number_as_a_fax_makes_it_no_caller() -> None:
    google = record(
        "Name,Phone 1 - Label,Phone 1 - Value,Phone 2 - Type,Phone 2 - Value\n"
        "A,Work Fax,202-555-0101,Mobile,202-555-0102\n"
    )
    assert google.phone_numbers == ("202-555-0102",)
    assert [(remark.outcome, remark.message) for remark in google.remarks] == [(FileOutcome.FAX, "'202-555-0101'")]
    header = "contact_name_given,contact_name_family,phone_type_voice,phone_type_fax,phone_number\n"
    assert record(f"{header}A,B,0,1,202-555-0101\n").phone_numbers == ()
    assert record(f"{header}A,B,1,1,202-555-0101\n").phone_numbers == ("202-555-0101",)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Vorname;Name;Telefon\nKim;Roe;202-555-0101\n", "Kim Roe"),
        ("Name;Vorname;Telefon\nRoe;Kim;202-555-0101\n", "Kim Roe"),
        ("Nombre;Apellidos;Teléfono\nKim;Roe;202-555-0101\n", "Kim Roe"),
        ("Prénom;Nom;Téléphone\nKim;Roe;202-555-0101\n", "Kim Roe"),
        ("Full Name;First Name;Phone\nKim Roe;Kim;202-555-0101\n", "Kim Roe"),
        ("Kunde;Telefon\nKim Roe;202-555-0101\n", "Kim Roe"),
        ("Firma;Telefon\nAcme;202-555-0101\n", "Acme"),
    ],
)
def test_a_name_is_put_together_from_the_columns_that_there_are(text: str, name: str) -> None:
    assert record(text).name == name


def test_the_user_says_what_a_column_holds() -> None:
    text = "Wer;Erreichbar;Fax\nKim;202-555-0101;202-555-0102\n"
    chosen = [
        ChosenColumn(Field.NAME, "Wer"),
        ChosenColumn(Field.PHONE, "erreichbar"),
        ChosenColumn(Field.PHONE, "Fax"),
    ]
    read = record(text, *chosen)
    assert (read.name, read.phone_numbers) == ("Kim", ("202-555-0101", "202-555-0102"))


def test_a_chosen_column_comes_before_the_others_and_numbers_come_beside_them() -> None:
    text = "Name,Nickname,Phone,Summer House\nKimberly,Kim,202-555-0101,202-555-0102\n"
    read = record(text, ChosenColumn(Field.NAME, "Nickname"), ChosenColumn(Field.PHONE, "Summer House"))
    assert (read.name, read.phone_numbers) == ("Kim", ("202-555-0101", "202-555-0102"))


def test_a_column_can_be_left_out() -> None:
    text = "id,Name,Phone,Phone 2\n7,Kim,202-555-0101,202-555-0102\n"
    read = record(text, ChosenColumn(Field.IGNORE, "id"), ChosenColumn(Field.IGNORE, "Phone 2"))
    assert (read.uid, read.phone_numbers) == ("", ("202-555-0101",))


def test_a_chosen_column_that_the_file_does_not_have_is_an_error_that_names_those_it_has() -> None:
    with pytest.raises(UnreadableFile, match=r"No column is called 'Tel'. Found: 'Name', 'Phone'\."):
        read("Name,Phone\nKim,202-555-0101\n", ChosenColumn(Field.PHONE, "Tel"))


@pytest.mark.parametrize(
    ("begin", "passed"),
    [
        ("sep=;\n", ["'sep=;'"]),
        ("Kundenliste vom 1.3.2024\n\n", ["'Kundenliste vom 1.3.2024'"]),
        ('"Contacts, exported";;\n;;\n', ["'\"Contacts, exported\";;'", "';;'"]),
    ],
)
def test_lines_before_the_header_are_passed_over_and_named(begin: str, passed: list[str]) -> None:
    items = read(begin + "Name;Phone;E-mail\nKim;202-555-0101;\n")
    assert [item.message for item in items if isinstance(item, PassedOver)] == passed
    assert [item.phone_numbers for item in items if isinstance(item, ContactRecord)] == [("202-555-0101",)]


def test_sep_says_the_delimiter_whatever_stands_more_often() -> None:
    assert (
        record(
            "sep=;\nName, first, last;Phone\nRoe, Kim, K.;202-555-0101\n", ChosenColumn(Field.NAME, "Name, first, last")
        ).name
        == "Roe, Kim, K."
    )


def test_a_header_that_is_there_again_is_no_contact() -> None:
    items = read("Name,Phone\nKim,202-555-0101\nName,Phone\nLee,202-555-0102\n")
    assert [type(item).__name__ for item in items] == ["ContactRecord", "PassedOver", "ContactRecord"]


def test_bars_separate_cells_too() -> None:
    assert record("Name|Phone\nKim|202-555-0101\n").name == "Kim"


def test_numbers_in_columns_that_are_left_out_are_counted() -> None:
    read = record("Name,Phone,Fax,Assistant's Phone\nKim,202-555-0101,202-555-0102,202-555-0103\n")
    assert read.phone_numbers == ("202-555-0101",)
    assert [remark.outcome for remark in read.remarks] == [FileOutcome.FAX, FileOutcome.OTHER_PERSON]


def test_a_file_without_a_header_is_refused() -> None:
    with pytest.raises(UnreadableFile, match=r"No column is called name.*--column name=HEADER"):
        read("Kim Roe,202-555-0101\nLee Doe,202-555-0102\n")
