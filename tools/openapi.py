"""Write the OpenAPI document of the HTTP port from `protos/`, or say with `--check` that it is stale."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from generate import PROTOS, well_known_types
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
    ServiceDescriptorProto,
)
from marked import write_or_check

ROOT: Final = Path(__file__).resolve().parent.parent
DOCUMENT: Final = ROOT / "server" / "leadline_server" / "http" / "openapi.json"
TOOL: Final = "openapi.py"
PACKAGES: Final = ("leadline/v1", "leadline/admin/v1")
"""The folders of the contract that the HTTP port serves."""

Schema = dict[str, Any]

# proto3 JSON (protobuf.dev, "ProtoJSON Format"): 64-bit integers are texts, times are RFC 3339, bytes are base64.
_SCALARS: Final[Mapping[int, Schema]] = {
    FieldDescriptorProto.TYPE_STRING: {"type": "string"},
    FieldDescriptorProto.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptorProto.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
    FieldDescriptorProto.TYPE_INT32: {"type": "integer", "format": "int32"},
    FieldDescriptorProto.TYPE_UINT32: {"type": "integer", "minimum": 0},
    FieldDescriptorProto.TYPE_INT64: {"type": ["integer", "string"], "format": "int64"},
    FieldDescriptorProto.TYPE_UINT64: {"type": ["integer", "string"], "format": "uint64"},
    FieldDescriptorProto.TYPE_DOUBLE: {"type": "number"},
    FieldDescriptorProto.TYPE_FLOAT: {"type": "number"},
}
_WELL_KNOWN: Final[Mapping[str, Schema]] = {
    ".google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    ".google.protobuf.Duration": {"type": "string"},
    ".google.protobuf.Struct": {"type": "object", "additionalProperties": True},
    ".google.protobuf.FieldMask": {"type": "string", "description": "Field names in lowerCamelCase, by commas."},
}
_ERROR: Final[Schema] = {
    "type": "object",
    "description": "An error, as the Connect protocol writes it.",
    "properties": {
        "code": {"type": "string", "description": "The canonical code in lower case: `not_found`."},
        "message": {"type": "string", "description": "For people."},
        "details": {
            "type": "array",
            "description": "google.rpc.ErrorInfo, and BadRequest and RetryInfo where they apply.",
            "items": {
                "type": "object",
                "properties": {
                    "type": {"type": "string", "description": "The message's full name."},
                    "value": {
                        "type": "string",
                        "contentEncoding": "base64",
                        "description": "The message, in protobuf.",
                    },
                },
            },
        },
    },
}
_CALLER_NAME: Final[Schema] = {
    "get": {
        "operationId": "CallerName",
        "summary": "The caller's name as one line of text, for dialplans.",
        "parameters": [
            {"name": "account_id", "in": "query", "required": True, "schema": {"type": "string"}},
            {"name": "number", "in": "query", "required": True, "schema": {"type": "string"}},
        ],
        "responses": {
            "200": {
                "description": "The name; empty where no contact has the number, or several do.",
                "content": {"text/plain": {"schema": {"type": "string", "maxLength": 80}}},
            },
            "400": {"description": "The request cannot be read. The body is empty."},
            "404": {"description": "There is no such account. The body is empty."},
            "503": {"description": "The CRM cannot tell, or not in time. The body is empty."},
        },
    }
}


def main_text(_: str) -> str:
    """The document as it ought to be."""
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "leadline",
            "version": "v1",
            "description": "Every RPC as JSON over HTTP (the Connect protocol). Field names may be written as here, or"
            " in lowerCamelCase. A deadline in milliseconds goes into the header Connect-Timeout-Ms.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "http://127.0.0.1:8650"}],
        "paths": {"/v1/caller-name": _CALLER_NAME} | dict(_paths()),
        "components": {"schemas": {"Error": _ERROR} | dict(_schemas())},
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _files() -> list[FileDescriptorProto]:
    """The files of the contract, with their comments."""
    paths = [path for package in PACKAGES for path in sorted((PROTOS / package).glob("*.proto"))]
    sources = [str(path.relative_to(PROTOS)) for path in paths]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "set"
        command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTOS}", f"-I{well_known_types()}"]
        command += ["--include_source_info", f"--descriptor_set_out={out}", *sources]
        subprocess.run(command, cwd=ROOT, check=True)
        return list(FileDescriptorSet.FromString(out.read_bytes()).file)


class _Comments:
    """The comments of a file's parts, by their path of field numbers and indexes (descriptor.proto, SourceCodeInfo)."""

    def __init__(self, file: FileDescriptorProto) -> None:
        self._comments = {
            tuple(place.path): " ".join(place.leading_comments.split())
            for place in file.source_code_info.location
            if place.leading_comments
        }

    def of(self, *path: int) -> Schema:
        """The description, where there is one."""
        text = self._comments.get(path)
        return {"description": text} if text else {}


def _paths() -> Iterator[tuple[str, Schema]]:
    for file in _files():
        comments = _Comments(file)
        for index, service in enumerate(file.service):
            for number, method in enumerate(service.method):
                yield (
                    f"/{file.package}.{service.name}/{method.name}",
                    {"post": _operation(service, method, comments.of(6, index, 2, number))},
                )


def _operation(service: ServiceDescriptorProto, method: MethodDescriptorProto, comment: Schema) -> Schema:
    media = "application/connect+json" if method.server_streaming else "application/json"
    note = " The answer is a stream of messages in Connect's envelopes." if method.server_streaming else ""
    return {
        "operationId": f"{service.name}_{method.name}",
        "tags": [service.name],
        "description": comment.get("description", "") + note,
        "requestBody": {"required": True, "content": {media: {"schema": _reference(method.input_type)}}},
        "responses": {
            "200": {"description": "The answer.", "content": {media: {"schema": _reference(method.output_type)}}},
            "default": {
                "description": "An error.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            },
        },
    }


def _schemas() -> Iterator[tuple[str, Schema]]:
    for file in _files():
        comments = _Comments(file)
        for index, message in enumerate(file.message_type):
            yield message.name, _object(message, comments, (4, index))
        for index, enum in enumerate(file.enum_type):
            yield enum.name, _words(enum, comments.of(5, index))


def _object(message: DescriptorProto, comments: _Comments, path: tuple[int, ...]) -> Schema:
    properties = {
        field.name: _field(message, field) | comments.of(*path, 2, index) for index, field in enumerate(message.field)
    }
    return {"type": "object"} | comments.of(*path) | ({"properties": properties} if properties else {})


def _field(message: DescriptorProto, field: FieldDescriptorProto) -> Schema:
    entry = next((nested for nested in message.nested_type if field.type_name.endswith(f".{nested.name}")), None)
    if entry is not None and entry.options.map_entry:
        return {"type": "object", "additionalProperties": _field(entry, entry.field[1])}
    schema = _SCALARS.get(field.type) or _WELL_KNOWN.get(field.type_name) or _reference(field.type_name)
    if field.label == FieldDescriptorProto.LABEL_REPEATED:
        return {"type": "array", "items": schema}
    return dict(schema)


def _reference(type_name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{type_name.rpartition('.')[2]}"}


def _words(enum: EnumDescriptorProto, comment: Schema) -> Schema:
    return {"type": "string", "enum": [value.name for value in enum.value]} | comment


if __name__ == "__main__":
    write_or_check(DOCUMENT, main_text, __doc__, TOOL)
