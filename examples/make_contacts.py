# ruff: noqa: INP001 a script, not a package
"""Write contacts.vcf and contacts.csv: the contacts of the small company of Master.csv.

Run it as `.venv/bin/python examples/make_contacts.py [DIRECTORY]`; the files go beside it by default. All numbers are
reserved for fiction; make_records.py names the authorities.
"""

import csv
import sys
from pathlib import Path

# Name, company, title, e-mail, numbers as written on the card.
CARDS = (
    ("Ada Ashworth", "Ashworth Mills", "Owner", "ada@ashworth.example", ("+1 212-555-0101",)),
    ("Ben Okafor", "Okafor Legal", "Partner", "ben@okafor.example", ("(212) 555-0102", "+1 917 555 0102")),
    ("Chloé Durand", "Durand & Fils", "Buyer", "chloe@durand.example", ("+1-415-555-0103",)),
    ("Diego Núñez", "Núñez Logistics", "Dispatcher", "diego@nunez.example", ("415.555.0104",)),
    ("Erika Mustermann", "Muster GmbH", "Einkauf", "erika@muster.example", ("+49 30 23125 105",)),
    ("Farid Haddad", "Haddad Imports", "Owner", "farid@haddad.example", ("312-555-0106",)),
    ("Grace Lindqvist", "Lindqvist Design", "Designer", "grace@lindqvist.example", ("+1 312 555 0107",)),
    ("Harry Whitcombe", "Whitcombe & Daughters", "Director", "harry@whitcombe.example", ("+44 20 7946 0108",)),
    ("Imogen Price", "Price Surveyors", "Surveyor", "imogen@price.example", ("+44 1632 960109",)),
    ("Jamal Rivers", "Rivers Plumbing", "Plumber", "jamal@rivers.example", ("(617) 555-0110",)),
    ("Karin Böhm", "Böhm Optik", "Inhaberin", "karin@boehm.example", ("+49 (30) 23125-111",)),
    ("Liam O'Connell", "O'Connell Roofing", "Foreman", "liam@oconnell.example", ("617 555 0112",)),
    ("Mei Tanaka", "Tanaka Prints", "Printer", "mei@tanaka.example", ("+1 206 555 0113",)),
    ("Nia Campbell", "Campbell Foods", "Buyer", "nia@campbell.example", ("206-555-0114", "+1 206 555 0115")),
    ("Oliver Stone-Hale", "Stone-Hale Press", "Editor", "oliver@stonehale.example", ("+44 20 7946 0116",)),
    ("Priya Raman", "Raman Dental", "Dentist", "priya@raman.example", ("+1 646 555 0117",)),
    ("Quentin Brook", "Brook Boats", "Skipper", "quentin@brook.example", ("(646) 555-0118",)),
    ("Rosa Ferrari", "Ferrari Tiles", "Sales", "rosa@ferraritiles.example", ("+1 212 555 0119",)),
    ("Sven Krüger", "Krüger Bau", "Bauleiter", "sven@krueger.example", ("+49 30 23125 120",)),
    ("Tara Singh", "Singh Travel", "Agent", "tara@singh.example", ("+44 1632 960121",)),
    ("Ulla Jensen", "Jensen Yachts", "Broker", "ulla@jensen.example", ("+1 415 555 0122",)),
    ("Victor Adeyemi", "Adeyemi Motors", "Manager", "victor@adeyemi.example", ("312 555 0123",)),
    ("Wanda Kowalska", "Kowalska Bakery", "Baker", "wanda@kowalska.example", ("+1 312-555-0124",)),
    ("Xavier Moreau", "Moreau Wines", "Importer", "xavier@moreau.example", ("+1 617 555 0125",)),
    ("李小龍", "Dragon Studio", "Trainer", "studio@dragon.example", ("+1 206-555-0126",)),
)

# Name, type, numbers. Two pairs share a number each, to show what happens when several contacts match.
ROWS = (
    ("Amelia Hart", "contact", ("+12125550130",)),
    ("Boris Ivanov", "contact", ("212-555-0131",)),
    ("Cara Mills", "lead", ("(212) 555-0132",)),
    ("Dan Fowler", "contact", ("+1 415 555 0133", "+1 415 555 0134", "415-555-0135")),
    ("Elena Petrova", "lead", ("415-555-0136",)),
    ("Frank Osei", "contact", ("+13125550137",)),
    ("Gita Patel", "contact", ("312-555-0138",)),
    ("Hugo Braun", "contact", ("+493023125139",)),
    ("Ines Costa", "lead", ("617-555-0140",)),
    ("Jack Turner", "contact", ("+44 20 7946 0141",)),
    ("Kate Morgan", "contact", ("+442079460142",)),
    ("Leo Strand", "lead", ("+1 617 555 0143",)),
    ("Mona Weiss", "contact", ("+49 30 23125 144",)),
    ("Noah Blake", "contact", ("206-555-0145",)),
    ("Olga Reyes", "lead", ("+1 206 555 0146",)),
    ("Pat Example", "contact", ("+1 212 555 0150",)),
    ("Robin Example", "contact", ("212-555-0150",)),
    ("Front Desk, Kingsway House", "contact", ("+44 20 7946 0151",)),
    ("Quinn Avery", "lead", ("+44 20 7946 0151",)),
    ("Rita Novak", "contact", ("646-555-0152",)),
    ("Samir Aziz", "contact", ("+1 646 555 0153",)),
    ("Tess Holloway", "lead", ("+44 1632 960154",)),
    ("Uri Katz", "contact", ("917-555-0155",)),
    ("Vera Lange", "contact", ("+49 30 23125 156",)),
    ("Will Parker", "lead", ("+1 917 555 0157", "+1 917 555 0158")),
    ("Xenia Marsh", "contact", ("415-555-0159",)),
    ("Yusuf Demir", "contact", ("+14155550160",)),
    ("Zoe Carter", "lead", ("312-555-0161",)),
    ("Aaron Webb", "contact", ("+1 312 555 0162",)),
    ("Bella Rossi", "contact", ("617-555-0163",)),
    ("Colin Dean", "contact", ("+44 1632 960164",)),
    ("Daphne Vogel", "lead", ("+49 30 23125 165",)),
    ("Edgar Poole", "contact", ("206-555-0166",)),
    ("Fiona Clarke", "contact", ("+44 20 7946 0167",)),
    ("Gus Hansen", "lead", ("646-555-0168",)),
)


def vcards() -> str:
    """Version 3.0 and 4.0 in turn."""
    cards = []
    for index, (name, company, title, email, numbers) in enumerate(CARDS, start=1):
        first, _, last = name.rpartition(" ")
        is_new = index % 2 == 0
        lines = ["BEGIN:VCARD", f"VERSION:{'4.0' if is_new else '3.0'}", f"UID:urn:example:card-{index:02}"]
        lines += [f"FN:{name}", f"N:{last};{first};;;", f"ORG:{company}", f"TITLE:{title}", f"EMAIL:{email}"]
        for number in numbers:
            if is_new and number.startswith("+"):
                lines.append(f"TEL;VALUE=uri;TYPE=work:tel:{number.replace(' ', '-')}")
            else:
                lines.append(f"TEL;TYPE=WORK,VOICE:{number}")
        cards.append("\r\n".join([*lines, "END:VCARD", ""]))
    return "".join(cards)


def write_contacts(path: Path) -> None:
    """The CSV file of contacts."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["id", "name", "type", "phone", "phone2", "phone3", "email", "created", "last_activity"])
        for index, (name, kind, numbers) in enumerate(ROWS, start=1):
            padded = (*numbers, "", "")[:3]
            email = f"{name.split()[0].lower().strip(',')}{index}@customer.example"
            created = f"2025-{index % 12 + 1:02}-{index % 27 + 1:02}T09:00:00Z"
            active = f"2026-{index % 9 + 1:02}-{index % 23 + 1:02}T15:30:00Z" if index % 4 else ""
            writer.writerow([f"customer-{index:02}", name, kind, *padded, email, created, active])


def main() -> None:
    """Writes both files."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    (folder / "contacts.vcf").write_text(vcards(), encoding="utf-8", newline="")
    write_contacts(folder / "contacts.csv")


if __name__ == "__main__":
    main()
