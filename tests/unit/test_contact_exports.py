"""Exports of address books, CRMs and phone systems are known by their headers, and all of their numbers are read."""

import pytest
from leadline_server.crm.embedded.contact_files.header_words import Field
from leadline_server.crm.embedded.contact_files.mapping import map_columns
from support.contact_files import read_file

OUTLOOK_EN = (
    "Title,First Name,Middle Name,Last Name,Company,Job Title,Assistant's Phone,Business Fax,Business Phone,"
    "Business Phone 2,Callback,Car Phone,Company Main Phone,Home Fax,Home Phone,Home Phone 2,ISDN,Mobile Phone,"
    "Other Fax,Other Phone,Pager,Primary Phone,Radio Phone,TTY/TDD Phone,Telex,E-mail Address,E-mail Type"
)
OUTLOOK_DE = (
    "Anrede,Vorname,Weitere Vornamen,Nachname,Firma,Position,Telefon Assistent,Fax geschäftlich,Telefon geschäftlich,"
    "Telefon geschäftlich 2,Rückmeldung,Autotelefon,Telefon Firma,Fax privat,Telefon privat,Telefon privat 2,ISDN,"
    "Mobiltelefon,Weiteres Fax,Weiteres Telefon,Pager,Haupttelefon,Mobiltelefon 2,Telefon für Hörbehinderte,Telex,"
    "E-Mail-Adresse,E-Mail-Typ,E-Mail: Angezeigter Name"
)
OUTLOOK_FR = (
    "Titre,Prénom,Deuxième prénom,Nom,Société,Titre,Téléphone de l'assistant(e),Télécopie (bureau),Téléphone (bureau),"
    "Téléphone 2 (bureau),Rappel,Téléphone (voiture),Téléphone société,Télécopie (domicile),Téléphone (domicile),"
    "Téléphone 2 (domicile),RNIS,Tél. mobile,Télécopie (autre),Téléphone (autre),Récepteur de radiomessagerie,"
    "Téléphone principal,Radio téléphone,Téléphone TDD/TTY,Télex,Adresse de messagerie,Type de messagerie"
)
OUTLOOK_ES = (
    "Tratamiento,Nombre,Segundo nombre,Apellidos,Organización,Puesto,Teléfono del ayudante,Fax del trabajo,"
    "Teléfono del trabajo,Teléfono del trabajo 2,Devolución de llamada,Teléfono del automóvil,"
    "Número central de la organización,Fax particular,Particular,Número de teléfono particular 2,RDSI,Móvil,Otro fax,"
    "Otro teléfono,Buscapersonas,Teléfono principal,Radioteléfono,Número de teletipo,Télex,"
    "Dirección de correo electrónico,Tipo de correo electrónico"
)


@pytest.mark.parametrize(
    ("name", "header", "title"),
    [
        ("Outlook", OUTLOOK_EN, "Job Title"),
        ("Outlook (German)", OUTLOOK_DE, "Position"),
        ("Outlook (French)", OUTLOOK_FR, "Titre"),
        ("Outlook (Spanish)", OUTLOOK_ES, "Puesto"),
    ],
)
def test_outlook_is_known_in_four_languages_and_all_its_numbers_but_fax_and_pager_are_read(
    name: str, header: str, title: str
) -> None:
    columns = header.split(",")
    mapping = map_columns(columns)
    assert mapping.export == name
    not_callers = ("fax", "téléc", "pager", "messagerie", "buscap", "telex", "télex")
    others = ("assistant", "assistent", "ayudante")
    first_number = next(at for at, column in enumerate(columns) if any(word in column.lower() for word in others))
    last_number = next(at for at, column in enumerate(columns) if column.lower() in {"telex", "télex"})
    wanted = [
        column
        for column in columns[first_number : last_number + 1]
        if not any(word in column.lower() for word in (*not_callers, *others))
    ]
    assert list(mapping.columns_of(Field.PHONE)) == wanted
    assert mapping.columns_of(Field.TITLE)[0] == title
    assert [len(mapping.columns_of(field)) for field in (Field.FIRST_NAME, Field.LAST_NAME, Field.COMPANY)] == [1, 1, 1]
    assert len(mapping.columns_of(Field.EMAIL)) == 1


@pytest.mark.parametrize(
    ("export", "header", "phones", "others"),
    [
        (
            "Google Contacts",
            "Name,Given Name,Family Name,E-mail 1 - Value,Phone 1 - Type,Phone 1 - Value,Organization 1 - Name",
            ["Phone 1 - Value"],
            {Field.NAME: "Name", Field.EMAIL: "E-mail 1 - Value", Field.COMPANY: "Organization 1 - Name"},
        ),
        (
            "HubSpot",
            "Record ID,First Name,Last Name,Email,Phone Number,Mobile Phone Number,Fax Number,Create Date (GMT+1)",
            ["Phone Number", "Mobile Phone Number"],
            {Field.ID: "Record ID", Field.CREATED: "Create Date (GMT+1)", Field.EMAIL: "Email"},
        ),
        (
            "Salesforce",
            "Id,AccountId,LastName,FirstName,Name,Phone,MobilePhone,HomePhone,AssistantPhone,CreatedDate,LastActivityDate",
            ["Phone", "MobilePhone", "HomePhone"],
            {Field.ID: "Id", Field.NAME: "Name", Field.CREATED: "CreatedDate", Field.LAST_ACTIVITY: "LastActivityDate"},
        ),
        (
            "Zoho CRM",
            "Record Id,Contact Owner,First Name,Last Name,Account Name,Phone,Home Phone,Fax,Mobile,Created Time",
            ["Phone", "Home Phone", "Mobile"],
            {Field.ID: "Record Id", Field.COMPANY: "Account Name", Field.CREATED: "Created Time"},
        ),
        (
            "Pipedrive",
            "Person - Name,Person - Phone - Work,Person - Phone - Mobile,Person - Organization,Person - ID",
            ["Person - Phone - Work", "Person - Phone - Mobile"],
            {Field.NAME: "Person - Name", Field.COMPANY: "Person - Organization", Field.ID: "Person - ID"},
        ),
        (
            "3CX phone book",
            "FirstName,LastName,Company,Mobile,Mobile2,Home,Home2,Business,Business2,Email,Other,BusinessFax,HomeFax,Pager",
            ["Mobile", "Mobile2", "Home", "Home2", "Business", "Business2", "Other"],
            {Field.FIRST_NAME: "FirstName", Field.COMPANY: "Company", Field.EMAIL: "Email"},
        ),
        (
            "Yealink phone book",
            "display_name,office_number,mobile_number,other_number,line,ring,auto_divert,priority,group_id_name",
            ["office_number", "mobile_number", "other_number"],
            {Field.NAME: "display_name"},
        ),
        (
            "FreePBX Contact Manager",
            "displayname,fname,lname,title,company,phone_1_number,phone_1_type,phone_1_extension,phone_1_speeddial,email_1",
            ["phone_1_number"],
            {Field.NAME: "displayname", Field.FIRST_NAME: "fname", Field.LAST_NAME: "lname", Field.COMPANY: "company"},
        ),
        (
            "FusionPBX",
            "contact_organization,contact_name_given,contact_name_family,phone_label,phone_type_fax,phone_number,phone_primary",
            ["phone_number"],
            {Field.FIRST_NAME: "contact_name_given", Field.COMPANY: "contact_organization"},
        ),
        (
            "Thunderbird",
            "Display Name,Primary Email,Work Phone,Home Phone,Fax Number,Pager Number,Mobile Number,Organization",
            ["Work Phone", "Home Phone", "Mobile Number"],
            {Field.NAME: "Display Name", Field.EMAIL: "Primary Email", Field.COMPANY: "Organization"},
        ),
        (
            "Thunderbird (German)",
            "Anzeigename,Primäre E-Mail-Adresse,Tel. dienstlich,Tel. privat,Fax-Nummer,Mobil-Tel.-Nr.,Arbeitstitel",
            ["Tel. dienstlich", "Tel. privat", "Mobil-Tel.-Nr."],
            {Field.NAME: "Anzeigename", Field.EMAIL: "Primäre E-Mail-Adresse", Field.TITLE: "Arbeitstitel"},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and "," not in value else "",
)  # fmt: skip
def test_a_known_export_is_named_and_read(
    export: str, header: str, phones: list[str], others: dict[Field, str]
) -> None:
    mapping = map_columns(header.split(","))
    assert mapping.export == export
    assert list(mapping.columns_of(Field.PHONE)) == phones
    assert {field: mapping.columns_of(field)[0] for field in others} == others


def test_of_two_titles_of_french_outlook_the_later_one_is_the_job() -> None:
    header = "Titre,Prénom,Nom,Titre,Téléphone (bureau)"
    [record] = read_file("fr.csv", f"{header}\nMme,Kim,Roe,Directrice,+33 1 99 00 01 01\n".encode(), "FR").records
    assert (record.name, record.title) == ("Kim Roe", "Directrice")
