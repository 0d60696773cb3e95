"""Request bodies as nobody should send them: messages with odd values, and their bytes bent out of shape."""

from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

INT32: Final = st.sampled_from([0, 1, 2, 3, -1, 7, 99, 1000, 1001, 2**31 - 1, -(2**31)])
SECONDS: Final = st.sampled_from(
    [0, 1, -1, 1_790_000_000, 253_402_300_799, 253_402_300_800, -62_135_596_800, -62_135_596_801, 2**63 - 1, -(2**63)]
)
NANOS: Final = st.sampled_from([0, 1, -1, 999_999_999, 1_000_000_000, 2**31 - 1, -(2**31)])
TEXTS: Final = st.one_of(
    st.sampled_from(
        [
            *(
                "",
                " ",
                "\0",
                "\a",
                "a\nb",
                "\ufeff",
                "\u202e",
                "\ud7ff",
                "\U0010ffff",
                "İ",
                "ß",
                "%s%n",
                "'; --",
                "*",
                ".",
            ),
            *("i" * 128, "i" * 129, "é" * 256, "x" * 4_096, "call-1", "call-2", "alice", "bob", "demo", "acme", "Ada"),
            *("+12025550147", "(202) 555-0148", "00442079460123", "tel:+1-202-555-0149;ext=7", "sip:101@pbx", "sip:@"),
            *(
                "anonymous",
                "+266696687",
                "911",
                "*97",
                "101",
                "+",
                "+0",
                "tel:",
                "sips:%00@",
                "+1 202 555 0147 x" + "9" * 40,
            ),
            *(
                "https://example.com/1",
                "http://[",
                "javascript:1",
                "GB",
                "001",
                "Europe/London",
                "../UTC",
                "(###) ###-####",
            ),
            *("123e4567-e89b-42d3-a456-426614174000", "ada@example.com", "defaults.placeholder_name", "auto_log_calls"),
            *("Zm9yZ2Vk", "lead", "c_1", "٤١٥٥٥٥٠١٢٣", "\uff0b\uff11415555\uff10123"),
        ]
    ),
    st.text(max_size=12),
)
ACCOUNTS: Final = st.sampled_from(["demo"] * 12 + ["", "acme", "\0", "d" * 129])
USERS: Final = st.sampled_from(["alice", "bob", "alice", "", "u\a"])
CALLS: Final = st.sampled_from(["call-1", "call-2", "call-3", "", "c" * 129])

_NAMED: Final = {"account_id": ACCOUNTS, "user_id": USERS, "call_id": CALLS}
_NUMBERS: Final = st.sampled_from(
    [
        "+12025550147",
        "(202) 555-0148",
        "00442079460123",
        "tel:+1-202-555-0149;ext=7",
        "sip:12025550150@pbx",
        "+441632960001",
    ]
)
_URLS: Final = st.sampled_from(["", "https://example.com/1", "HTTP://[::1]:8/?q#f"])
_WORDS: Final = st.sampled_from(["", "Ada", "Müller & Søn", "李", "'; --", "%s", "İ", "x" * 64, "\U0010ffff", "\ud7ff"])
_TAME: Final[dict[str, st.SearchStrategy[Any]]] = {
    "account_id": st.just("demo"),
    "user_id": st.sampled_from(["alice", "bob"]),
    "call_id": st.sampled_from(["call-1", "call-2", "call-3"]),
    "id": st.sampled_from(["call-1", "call-2", "call-3"]),
    "direction": st.sampled_from([1, 2, 3]),
    "query": st.sampled_from(["a", "Ü", "%", "_"]),
    "phone_number": _NUMBERS,
    "phone_numbers": _NUMBERS,
    "excluded_numbers": st.fixed_dictionaries({"values": st.lists(_NUMBERS, max_size=2)}),
    "recording_url": _URLS,
    "voicemail_url": _URLS,
    "email": st.sampled_from(["", "ada@example.com"]),
    "contact_id": st.just(""),
    "contact_type": st.just(""),
    "request_id": st.just(""),
    "page_token": st.just(""),
    "resume_token": st.just(""),
    "placeholder_name": st.just("Nobody yet"),
    "default_region": st.sampled_from(["US", "GB"]),
    "time_zone": st.sampled_from(["UTC", "Europe/London"]),
    "number_formats": st.just("(###) ###-####"),
    "extension_pattern": st.sampled_from(["", "1xx,2xxx"]),
    "dial_prefixes": st.sampled_from(["9", "0"]),
    "caller_id_prefixes": st.sampled_from(["SALES:", "Acme"]),
    "locked": st.sampled_from(["log_internal_calls", "wait_until_final"]),
    "seconds": st.sampled_from([0, 1, -1, 1_790_000_000, 253_402_300_799, -62_135_596_800]),
    "nanos": st.sampled_from([0, 1, 999_999_999]),
    "end_time": st.just({"seconds": 253_402_300_799}),
    "paths": st.just("*"),
}
"""Values that the contract allows, by field: with them a request gets further than to its reading."""

_SCALARS: Final[dict[int, st.SearchStrategy[Any]]] = {
    FieldDescriptor.TYPE_STRING: TEXTS,
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_ENUM: INT32,
    FieldDescriptor.TYPE_INT32: INT32,
}
_TAME_SCALARS: Final[dict[int, st.SearchStrategy[Any]]] = {
    FieldDescriptor.TYPE_STRING: _WORDS,
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_ENUM: st.sampled_from([1, 2]),
    FieldDescriptor.TYPE_INT32: st.sampled_from([0, 1, 1000]),
}
_TIMESTAMP: Final = st.fixed_dictionaries({"seconds": SECONDS, "nanos": NANOS})
_PATHS: Final = st.sampled_from(
    ["*", "locked", "default_region", "auto_log_calls", "placeholder_name", "defaults", "", "."]
)


def bodies(request: Descriptor) -> st.SearchStrategy[bytes]:
    """Bodies for a request of this type: messages, what becomes of them by accident, and noise."""
    kind = GetMessageClass(request)
    wild, tame = (
        messages(request, is_tame=is_tame).map(lambda fields: kind(**fields).SerializeToString())
        for is_tame in (False, True)
    )
    return st.one_of(tame, wild, tame.flatmap(_bent), wild.flatmap(_bent), st.binary(max_size=64), _monsters())


def messages(message: Descriptor, *, is_tame: bool) -> st.SearchStrategy[dict[str, Any]]:
    """The fields of a message, most of them there or not; sensible ones, or few of them so."""
    if message.full_name == "google.protobuf.Timestamp" and not is_tame:
        return _TIMESTAMP
    if message.full_name == "google.protobuf.FieldMask" and not is_tame:
        return st.fixed_dictionaries({"paths": st.lists(_PATHS | TEXTS, max_size=3)})
    values = {field.name: _values(field, is_tame=is_tame) for field in message.fields}
    always = {*_NAMED, *(("call", "id", "direction", "query", "phone_number", "phone_numbers") if is_tame else ())}
    return st.fixed_dictionaries(
        {name: value for name, value in values.items() if name in always},
        optional={name: value for name, value in values.items() if name not in always},
    )


def _values(field: Any, *, is_tame: bool) -> st.SearchStrategy[Any]:
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        texts = _WORDS.filter(bool) if is_tame else TEXTS
        return st.dictionaries(texts, texts, max_size=3)
    known, scalars = (_TAME, _TAME_SCALARS) if is_tame else (_NAMED, _SCALARS)
    one: st.SearchStrategy[Any]
    if not is_tame and field.name == "id" and field.containing_type.name == "Call":
        one = CALLS
    elif field.name in known:
        one = known[field.name]
    else:
        one = scalars[field.type] if kind is None else messages(kind, is_tame=is_tame)
    return st.lists(one, min_size=int(is_tame), max_size=1 if is_tame else 4) if field.is_repeated else one


def _bent(data: bytes) -> st.SearchStrategy[bytes]:
    """The bytes cut, doubled, with one changed, with something unknown or hostile put in, or said again otherwise."""
    place = st.integers(0, len(data))
    return st.one_of(
        place.map(lambda at: data[:at]),
        st.tuples(place, place).map(lambda pair: data[: max(pair)] + data[min(pair) :]),
        st.tuples(place, st.integers(0, 255)).map(
            lambda pair: data[: pair[0]] + bytes([pair[1]]) + data[pair[0] + 1 :]
        ),
        st.tuples(place, _monsters()).map(lambda pair: data[: pair[0]] + pair[1] + data[pair[0] :]),
        _monsters().map(lambda monster: data + monster),
        st.just(data * 3),
    )


def _monsters() -> st.SearchStrategy[bytes]:
    """Wire format that is legal, or nearly: unknown fields, varints without end, text that is no UTF-8, nesting."""
    depth = st.sampled_from([1, 50, 99, 100, 101, 1_000, 20_000])
    return st.one_of(
        st.sampled_from(
            [
                b"\xfa\x3f\x03abc",  # field 1023, a string
                b"\xf8\xff\xff\xff\x0f\x01",  # the highest field number
                b"\x00\x01",  # field 0, which there is not
                b"\x0e\x0f",  # wire types 6 and 7, which there are not
                b"\x0a\x02\xff\xfe",  # a string that is no UTF-8
                b"\x0a\x03\xed\xa0\x80",  # ... half a surrogate pair
                b"\x0a\xff\xff\xff\xff\x0f",  # a string of 4 GiB
                b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f",  # ... of exabytes
                b"\x08" + b"\xff" * 9 + b"\x01",  # the largest varint
                b"\x08" + b"\xff" * 64,  # a varint without an end
                b"\x1a\x00" * 2_000,  # thousands of empty messages
                b"\x12\x01a" * 2_000,
            ]
        ),
        depth.map(lambda levels: b"\x0b" * levels),  # groups that nobody closes
        depth.map(lambda levels: b"\x0b" * levels + b"\x0c" * levels),
        depth.map(_nested),
    )


def _nested(levels: int) -> bytes:
    """Length-prefixed field 3 in field 3, as deep as it goes below 64 KiB."""
    data = b""
    for _ in range(levels):
        size, length = len(data), bytearray()
        while size >= 128:
            length.append(size % 128 + 128)
            size //= 128
        data = b"\x1a" + bytes([*length, size]) + data
        if len(data) > 65_536:
            break
    return data
