"""Pages of the contract for the documentation site: services, messages and enums with their comments."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from generate import PROTOS, well_known_types
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

PACKAGES: Final = ("v1", "admin/v1", "adapter/v1")
_REPEATED: Final = FieldDescriptorProto.LABEL_REPEATED
_SCALARS: Final = {
    number: name.removeprefix("TYPE_").lower() for name, number in FieldDescriptorProto.Type.items()
}  # "string", "bool" and so on
_FILE: Final = {"service": 6, "message": 4, "enum": 5}  # field numbers of FileDescriptorProto

Comments = Mapping[tuple[int, ...], str]


def pages() -> Iterator[tuple[str, str]]:
    """The name and the text of each page, such as `call_log_service.md`."""
    for file in _files():
        comments = {tuple(place.path): place.leading_comments.strip() for place in file.source_code_info.location}
        name = file.name.removeprefix("leadline/").removesuffix(".proto").replace("/", "-")
        yield f"{name}.md", "\n\n".join(_page(file, comments)) + "\n"


def _files() -> Sequence[FileDescriptorProto]:
    names = [
        str(path.relative_to(PROTOS))
        for part in PACKAGES
        for path in sorted((PROTOS / "leadline" / part).glob("*.proto"))
    ]
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "image.binpb"
        flags = [f"-I{PROTOS}", f"-I{well_known_types()}", "--include_source_info", f"--descriptor_set_out={image}"]
        subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *flags, *names], check=True)
        return FileDescriptorSet.FromString(image.read_bytes()).file


def _page(file: FileDescriptorProto, comments: Comments) -> Iterator[str]:
    yield f"# {file.name}"
    yield f"Package `{file.package}`."
    for index, service in enumerate(file.service):
        path: tuple[int, ...] = (_FILE["service"], index)
        yield f"## {service.name}"
        yield _text(comments, path)
        for number, method in enumerate(service.method):
            stream = "stream " if method.server_streaming else ""
            yield f"### {service.name}.{method.name}"
            yield f"`{_short(method.input_type)}` → {stream}`{_short(method.output_type)}`"
            yield _text(comments, (*path, 2, number))
    for index, message in enumerate(file.message_type):
        yield from _message(message, (_FILE["message"], index), comments)
    for index, enum in enumerate(file.enum_type):
        yield from _enum(enum, (_FILE["enum"], index), comments)


def _message(message: DescriptorProto, path: tuple[int, ...], comments: Comments) -> Iterator[str]:
    yield f"## {message.name}"
    yield _text(comments, path)
    entries = {entry.name for entry in message.nested_type if entry.options.map_entry}
    if message.field:
        rows = [
            f"| `{field.name}` | {_type(field, entries)} | {_cell(comments, (*path, 2, index))} |"
            for index, field in enumerate(message.field)
        ]
        yield "\n".join(["| Field | Type | Meaning |", "|---|---|---|", *rows])
    for index, nested in enumerate(message.nested_type):
        if nested.name not in entries:
            yield from _message(nested, (*path, 3, index), comments)


def _enum(enum: EnumDescriptorProto, path: tuple[int, ...], comments: Comments) -> Iterator[str]:
    yield f"## {enum.name}"
    yield _text(comments, path)
    rows = [
        f"| `{value.name}` | {value.number} | {_cell(comments, (*path, 2, index))} |"
        for index, value in enumerate(enum.value)
    ]
    yield "\n".join(["| Value | Number | Meaning |", "|---|---|---|", *rows])


def _type(field: FieldDescriptorProto, entries: set[str]) -> str:
    name = _short(field.type_name) if field.type_name else _SCALARS[field.type]
    if name in entries:
        return "map"
    words = ["repeated"] if field.label == _REPEATED else ["optional"] if field.proto3_optional else []
    return " ".join([*words, f"`{name}`"])


def _short(name: str) -> str:
    return name.removeprefix(".").rpartition(".")[2]


def _text(comments: Comments, path: tuple[int, ...]) -> str:
    return _escaped(comments.get(path, ""))


def _cell(comments: Comments, path: tuple[int, ...]) -> str:
    return " ".join(_text(comments, path).split()).replace("|", "\\|")


def _escaped(text: str) -> str:
    """A comment as Markdown: what looks like HTML stays text."""
    return "\n".join(line.strip() for line in text.replace("<", "&lt;").splitlines())
