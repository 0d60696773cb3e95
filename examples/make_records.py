# ruff: noqa: INP001 a script, not a package
"""Write Master.csv: two weeks of calls of a small, invented company. Each run writes the same.

Run it as `.venv/bin/python examples/make_records.py [DIRECTORY]`; the file goes beside it by default. All numbers are
reserved for fiction: NXX 555-01XX in North America, +44 20 7946 0xxx and +44 1632 960xxx (Ofcom), +49 30 23125 xxx
(Bundesnetzagentur).
"""

import random
import sys
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("America/New_York")
FIRST_DAY = datetime(2026, 10, 26, tzinfo=ZONE)  # a Monday; the clocks go back on the Sunday after
DID = "2125550100"
EXTENSIONS = ("101", "102", "103")
NAMES = {"101": "Alice Archer", "102": "Bob Baker", "103": "Carol Chandler"}
MALFORMED = {
    61: '"","2125550171","101","from-trunk","""CUT OFF"" <2125550171>","PJSIP/trunk-000',
    142: '"","2125550172","102","from-trunk","""NO SUCH DAY"" <2125550172>","PJSIP/trunk-00000fff",'
    '"PJSIP/102-00000ffe","Dial","PJSIP/102,25","2026-11-31 10:00:00",,"2026-11-31 10:00:20",20,0,"NO ANSWER",'
    '"DOCUMENTATION","1793461200.4095",""',
}

# Numbers as a trunk shows them, with the caller-ID name that comes along. First people who are among the contacts.
KNOWN = (
    ("2125550101", "ASHWORTH ADA"),
    ("+19175550102", "OKAFOR LEGAL"),
    ("4155550104", "Diego Nunez"),
    ("00493023125105", "MUSTER GMBH"),
    ("+442079460108", ""),
    ("+441632960109", "PRICE SURVEYORS"),
    ("6175550110", "RIVERS PLUMBING"),
    ("12065550115", "WIRELESS CALLER"),
    ("+14155550134", "FOWLER DAN"),
    ("3125550138", "GITA PATEL"),
    ("+442079460142", "KATE MORGAN"),
    ("2065550126", "DRAGON STUDIO"),
    ("9175550158", "PARKER WILL"),
    ("+493023125144", ""),
)
SHARED = (("2125550150", "EXAMPLE PAT"), ("+442079460151", "KINGSWAY HOUSE"))
STRANGERS = (
    ("6465550173", "MORGAN TAYLOR"),
    ("4155550174", "SAN FRANCISCO CA"),
    ("3125550175", "3125550175"),
    ("6175550176", "UNAVAILABLE"),
    ("+441632960777", ""),
    ("+493023125777", "Unknown"),
    ("+12065550178", "BLUE HERON CAFE"),
)
PERSISTENT = ("9175550179", "WIRELESS CALLER")
DIALLED = (
    *("2125550101", "14155550103", "011493023125111", "+442079460116", "6465550117", "011441632960121"),
    *("3125550123", "6175550163", "12065550145", "+493023125156", "2125550150", "9175550155", "+14155550160"),
)
DIALLED_STRANGERS = ("2065550180", "+442079460999", "011493023125888")


@dataclass
class Exchange:
    """The phone system: hands out channel names and unique ids, and keeps the rows."""

    rng: random.Random = field(default_factory=lambda: random.Random(20261026))  # noqa: S311 always the same data
    rows: list[tuple[datetime, list[str | int]]] = field(default_factory=list)
    serial: int = 0

    def channel(self, device: str) -> str:
        """Name of a new channel to a phone or the trunk."""
        self.serial += 1
        return f"PJSIP/{device}-{self.serial:08x}"

    def unique_id(self, start: datetime) -> str:
        """A unique id as Asterisk makes them: the second in which the channel came up, and a serial number."""
        self.serial += 1
        return f"{int(start.timestamp())}.{self.serial}"

    def pick(self, options: tuple[tuple[str, str], ...]) -> tuple[str, str]:
        """One of the callers."""
        return options[self.rng.randrange(len(options))]

    def row(  # noqa: PLR0913 a record has this many columns
        self,
        start: datetime,
        who: tuple[str, str],
        dst: str,
        *,
        context: str,
        channels: tuple[str, str],
        app: tuple[str, str],
        ring: int,
        talk: int = 0,
        disposition: str = "ANSWERED",
        unique_id: str = "",
    ) -> datetime:
        """Adds one row; returns its end. Times in seconds; `talk` counts if the disposition is ANSWERED."""
        number, name = who
        answered = disposition == "ANSWERED"
        answer, end = later(start, ring), later(start, ring + (talk if answered else 0))
        clid = f'"{name}" <{number}>' if name or number else ""
        columns: list[str | int] = ["", number, dst, context, clid, *channels, *app]
        columns += [text(start), text(answer) if answered else "", text(end)]
        columns += [int(end.timestamp() - start.timestamp()), talk if answered else 0, disposition, "DOCUMENTATION"]
        self.rows.append((end, [*columns, unique_id or self.unique_id(start), ""]))
        return end

    def inbound(self, start: datetime, who: tuple[str, str], extension: str, disposition: str = "ANSWERED") -> None:
        """A call from outside that rings one phone; dialled directly or through the main number."""
        dst = extension if self.rng.random() < 0.6 else DID  # noqa: PLR2004 most have the direct number
        channels = (self.channel("trunk"), self.channel(extension))
        ring, talk = self.rng.randrange(3, 22), self.rng.randrange(20, 900)
        self.row(
            start, who, dst, context="from-trunk", channels=channels, app=("Dial", f"PJSIP/{extension},25"),
            ring=ring, talk=talk, disposition=disposition,
        )  # fmt: skip

    def voicemail(self, start: datetime, who: tuple[str, str], extension: str) -> None:
        """It rings, then the mailbox answers: two rows of one call."""
        unique_id, trunk = self.unique_id(start), self.channel("trunk")
        rang = self.row(
            start, who, extension, context="from-trunk", channels=(trunk, self.channel(extension)),
            app=("Dial", f"PJSIP/{extension},25"), ring=25, disposition="NO ANSWER", unique_id=unique_id,
        )  # fmt: skip
        self.row(
            rang, who, extension, context="from-trunk", channels=(trunk, ""),
            app=("VoiceMail", f"{extension}@default,u"), ring=0, talk=self.rng.randrange(8, 60), unique_id=unique_id,
        )  # fmt: skip

    def queue(self, start: datetime, who: tuple[str, str], attempts: tuple[str, ...], *, answered: bool) -> None:
        """The queue rings one phone after the other, each attempt a row of the same call; the last one may answer."""
        unique_id, trunk = self.unique_id(start), self.channel("trunk")
        for index, extension in enumerate(attempts):
            takes = answered and index == len(attempts) - 1
            start = self.row(
                start, who, "600", context="ext-queues", channels=(trunk, self.channel(extension)),
                app=("Queue", "600,tn"), ring=15, talk=self.rng.randrange(60, 600),
                disposition="ANSWERED" if takes else "NO ANSWER", unique_id=unique_id,
            )  # fmt: skip

    def outbound(self, start: datetime, extension: str, number: str, disposition: str = "ANSWERED") -> None:
        """A call to the outside; to emergency services as well."""
        channels = (self.channel(extension), self.channel("trunk"))
        ring, talk = self.rng.randrange(4, 25), self.rng.randrange(15, 1200)
        self.row(
            start, (extension, NAMES[extension]), number, context="from-internal", channels=channels,
            app=("Dial", f"PJSIP/{number}@trunk,300"), ring=ring, talk=talk, disposition=disposition,
        )  # fmt: skip

    def inside(self, start: datetime, extension: str, dst: str, disposition: str = "ANSWERED") -> None:
        """A call to a colleague, or to the phone system itself."""
        is_code = dst.startswith("*")
        channels = (self.channel(extension), "" if is_code else self.channel(dst))
        self.row(
            start, (extension, NAMES[extension]), dst, context="from-internal", channels=channels,
            app=("VoiceMailMain", f"{extension}@default") if is_code else ("Dial", f"PJSIP/{dst},25"),
            ring=self.rng.randrange(1, 12), talk=self.rng.randrange(10, 200), disposition=disposition,
        )  # fmt: skip


def later(time: datetime, seconds: int) -> datetime:
    """Seconds by the clock on the wall of physics, also across the night when clocks go back."""
    return datetime.fromtimestamp(time.timestamp() + seconds, ZONE)


def text(time: datetime) -> str:
    """Local time, as Asterisk writes it."""
    return time.strftime("%Y-%m-%d %H:%M:%S")


def at(day: int, hour: int, minute: int, second: int = 0) -> datetime:
    """A time on one of the fourteen days, counted from 0."""
    return (FIRST_DAY + timedelta(days=day)).replace(hour=hour, minute=minute, second=second)


def everyday(exchange: Exchange, start: datetime) -> None:
    """One call of the usual kinds."""
    rng = exchange.rng
    one, other = rng.sample(EXTENSIONS, 2)
    kinds = ("known", "shared", "stranger", "voicemail", "outbound", "new number", "inside", "withheld")
    match rng.choices(kinds, (34, 5, 14, 7, 20, 4, 9, 7))[0]:
        case "known":
            exchange.inbound(start, exchange.pick(KNOWN), one, rng.choice(("ANSWERED",) * 4 + ("NO ANSWER",)))
        case "shared":
            exchange.inbound(start, exchange.pick(SHARED), one)
        case "stranger":
            exchange.inbound(start, exchange.pick(STRANGERS), one, rng.choice(("ANSWERED", "ANSWERED", "BUSY")))
        case "voicemail":
            exchange.voicemail(start, exchange.pick((*KNOWN, *STRANGERS)), one)
        case "outbound":
            disposition = rng.choice(("ANSWERED",) * 4 + ("BUSY", "NO ANSWER"))
            exchange.outbound(start, one, rng.choice(DIALLED), disposition)
        case "new number":
            exchange.outbound(start, one, rng.choice(DIALLED_STRANGERS))
        case "inside":
            exchange.inside(start, one, other, rng.choice(("ANSWERED", "ANSWERED", "NO ANSWER")))
        case _:
            exchange.inbound(start, rng.choice((("", "Anonymous"), ("anonymous", "Anonymous"))), one)


def special_scenes(exchange: Exchange) -> None:
    """Add the calls that the demo needs, whatever the random ones are."""
    alice, bob, carol = EXTENSIONS
    # One unknown number that calls again and again: alice, bob, seconds later both again, and once more a week later.
    exchange.inbound(at(1, 10, 5), PERSISTENT, alice, "NO ANSWER")
    exchange.inbound(at(1, 10, 5, 40), PERSISTENT, bob, "NO ANSWER")
    exchange.inbound(at(1, 10, 5, 43), PERSISTENT, bob, "BUSY")
    exchange.inbound(at(1, 10, 6, 10), PERSISTENT, bob)
    exchange.inbound(at(8, 15, 30), PERSISTENT, alice)
    exchange.queue(at(2, 11, 0), KNOWN[1], (alice, carol, bob), answered=True)
    exchange.queue(at(3, 16, 20), STRANGERS[6], (carol, bob), answered=True)
    exchange.queue(at(9, 9, 45), STRANGERS[0], (alice, bob, carol), answered=False)
    exchange.outbound(at(4, 13, 0), carol, "911")
    exchange.outbound(at(4, 17, 0), bob, "4155550181", "FAILED")
    exchange.outbound(at(7, 12, 0), alice, "+442079460116", "CONGESTION")
    exchange.inside(at(0, 8, 55), alice, "*97")
    exchange.inside(at(10, 9, 2), bob, "*97")
    # The night when clocks go back: twenty minutes that show the same hours as forty earlier ones.
    exchange.inbound(later(at(6, 0, 50), 3600), KNOWN[5], carol)
    exchange.inbound(later(at(6, 0, 50), 7200), KNOWN[6], carol, "NO ANSWER")
    inner_half(exchange, at(2, 11, 0, 17))


def inner_half(exchange: Exchange, start: datetime) -> None:
    """Add the row that a queue writes for the inner half of a Local channel. It is not a call of its own."""
    channels = ("Local/102@from-queue-0000001a;2", exchange.channel("102"))
    exchange.row(
        start, KNOWN[1], "102", context="from-queue", channels=channels, app=("Dial", "PJSIP/102,15"),
        ring=4, talk=120,
    )  # fmt: skip


def cdr_lines() -> list[str]:
    """The lines of Master.csv, in the order in which the calls ended."""
    exchange = Exchange()
    for day in range(14):
        is_weekend = (FIRST_DAY + timedelta(days=day)).weekday() > 4  # noqa: PLR2004 Friday
        for slot in range(2 if is_weekend else 15):
            everyday(exchange, at(day, 9 + slot * 8 // 15, exchange.rng.randrange(60), exchange.rng.randrange(60)))
    special_scenes(exchange)
    # Asterisk quotes all but numbers, and leaves a time that there is not wholly empty.
    lines = [
        ",".join(cell(value, index) for index, value in enumerate(row)) for _, row in sorted(exchange.rows, key=by_end)
    ]
    for number, line in MALFORMED.items():
        lines.insert(number - 1, line)
    return lines


def by_end(row: tuple[datetime, list[str | int]]) -> tuple[float, str]:
    """Rows of one second keep an order that does not depend on the sort."""
    return row[0].timestamp(), str(row[1][16])


def cell(value: str | int, index: int) -> str:
    """A column as cdr_csv writes it."""
    answer_column = 10
    if isinstance(value, int) or (index == answer_column and not value):
        return str(value)
    return '"' + value.replace('"', '""') + '"'


def main() -> None:
    """Writes the file."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    (folder / "Master.csv").write_text("".join(f"{line}\n" for line in cdr_lines()), encoding="utf-8", newline="")


if __name__ == "__main__":
    main()
