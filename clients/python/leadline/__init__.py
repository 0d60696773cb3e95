"""The leadline client: `Client` and `AsyncClient`, their exceptions in `errors`, the generated messages in `v1`.

The names are imported on first use, so that programs that need only the messages start quickly.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

__all__ = ["AsyncClient", "Client", "LeadlineError", "Tls", "errors"]

if TYPE_CHECKING:
    from leadline import errors
    from leadline._async_client import AsyncClient
    from leadline._client import Client
    from leadline._tls import Tls
    from leadline.errors import LeadlineError
else:  # Hidden from type checkers, which would accept any name.
    _HOMES: Final = {
        "AsyncClient": "leadline._async_client",
        "Client": "leadline._client",
        "LeadlineError": "leadline.errors",
        "Tls": "leadline._tls",
    }

    def __getattr__(name: str) -> Any:
        if name == "errors":
            return import_module("leadline.errors")
        if name not in _HOMES:
            raise AttributeError(f"module 'leadline' has no attribute {name!r}")
        return getattr(import_module(_HOMES[name]), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
