"""Frozen dataclasses whose objects are made quickly.

A frozen dataclass sets each field with `object.__setattr__`, which takes 600 instructions. A logged call makes 22 such
objects with 200 fields. A plain assignment takes 15, but only a class that is not frozen allows it. So while an object
is made, it belongs to a subclass that allows assignments. Afterwards it is as frozen as before.
"""

from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from typing import Any, Final, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")

_UNSET = object()
_copies: Final[dict[Any, Callable[[Any, dict[str, Any]], Any]]] = {}
_makers: Final[dict[Any, Callable[..., Any]]] = {}
_set_class = object.__dict__["__class__"].__set__  # sets the class of an object that allows no assignments


def fast_init(kind: type[T]) -> type[T]:
    """Make the objects of a frozen dataclass with slots quickly. Apply it above `@dataclass`.

    The class must have no `__post_init__`, and no field with `init=False`.
    """
    plain = {"__slots__": (), "__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    opened = type(kind.__name__, (kind,), plain)
    names: dict[str, Any] = {
        "_class_of": type,
        "_kind": kind,
        "_new": object.__new__,
        "_set": setattr,
        "_set_class": _set_class,
        "_opened": opened,
        "_unset": _UNSET,
    }
    made = fields(kind)  # type: ignore[arg-type] # a dataclass
    exec(_init_source(made, names), names)  # noqa: S102 - made of names of fields alone
    exec(_copy_source(made), names)  # noqa: S102 - as above
    exec(_maker_source(made, names), names)  # noqa: S102 - as above
    _copies[kind], _makers[kind] = names["copied"], names["make"]
    names["__init__"].__qualname__ = f"{kind.__qualname__}.__init__"
    kind.__init__ = names["__init__"]  # type: ignore[method-assign] # replaces the one that the dataclass has made
    return kind


def replacer(kind: type[T]) -> Callable[[T, dict[str, Any]], T]:
    """A function that does what `dataclasses.replace` does, for a class with `fast_init`.

    It takes 20,000 instructions fewer for a CallLog. The name of a field that does not exist is an AttributeError.

    Example: `_with = replacer(Contact)`, and then `_with(ada, {"name": "Ada Byron"})`.
    """
    return _copies[kind]


def maker(kind: Callable[P, T]) -> Callable[P, T]:
    """A function that makes an object of a class with `fast_init`, or of a named tuple, as a call of the class does.

    A call of a class goes through three functions of C and a dictionary: 2,000 to 8,000 instructions more.

    Example: `new_party = maker(Party)`, and then `new_party(name="Ada")`.
    """
    made: Callable[P, T] | None = _makers.get(kind)
    return made or _tuple_maker(kind)


def _tuple_maker(kind: Any) -> Callable[..., Any]:
    names: dict[str, Any] = {"_new": tuple.__new__, "_kind": kind}
    names |= {f"_default_{name}": value for name, value in kind._field_defaults.items()}
    head = ", ".join(f"{name}=_default_{name}" if name in kind._field_defaults else name for name in kind._fields)
    source = _function(f"make({head})", f"return _new(_kind, ({', '.join(kind._fields)},))")
    exec(source, names)  # noqa: S102 - made of names of fields alone
    made: Callable[..., Any] = names["make"]
    return made


def _init_source(made: tuple[Field[Any], ...], names: dict[str, Any]) -> str:
    return _function(
        f"__init__(self, {_parameters(made, names)})",
        "_own = _class_of(self)",
        "_set_class(self, _opened)",
        *map(_statement, made),
        "self.__class__ = _own",
    )


def _maker_source(made: tuple[Field[Any], ...], names: dict[str, Any]) -> str:
    return _function(
        f"make({_parameters(made, names)})",
        "self = _new(_opened)",
        *map(_statement, made),
        "self.__class__ = _kind",
        "return self",
    )


def _parameters(made: tuple[Field[Any], ...], names: dict[str, Any]) -> str:
    parameters = [_parameter(field, names) for field in made if not field.kw_only]
    parameters += ["*"] if any(field.kw_only for field in made) else []
    parameters += [_parameter(field, names) for field in made if field.kw_only]
    return ", ".join(parameters)


def _copy_source(made: tuple[Field[Any], ...]) -> str:
    return _function(
        "copied(old, changes)",
        "new = _new(_opened)",
        *(f"new.{field.name} = old.{field.name}" for field in made),
        "for name, value in changes.items(): _set(new, name, value)",
        "new.__class__ = _class_of(old)",
        "return new",
    )


def _function(head: str, *statements: str) -> str:
    return "\n    ".join((f"def {head}:", *statements))


def _parameter(field: Field[Any], names: dict[str, Any]) -> str:
    if field.default_factory is not MISSING:
        names[f"_make_{field.name}"] = field.default_factory
        return f"{field.name}=_unset"
    if field.default is MISSING:
        return field.name
    names[f"_default_{field.name}"] = field.default
    return f"{field.name}=_default_{field.name}"


def _statement(field: Field[Any]) -> str:
    if field.default_factory is MISSING:
        return f"self.{field.name} = {field.name}"
    return f"self.{field.name} = _make_{field.name}() if {field.name} is _unset else {field.name}"
