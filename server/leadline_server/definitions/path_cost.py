"""The cost of a JMESPath expression: a limit on load for the growth of its value, and a limit while it runs.

Without limits `[@,@][]|[@,@][]|...` doubles its value with every part: 22 of them, in 217 characters, make 4,194,304
elements.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

from jmespath.visitor import TreeInterpreter

from leadline_server.domain.crm_errors import CrmTooMuch

MAX_GROWTH: Final = 64
"""How many times as large as the document the value of an expression may become."""

MAX_STEPS: Final = 20_000
"""The most steps of one expression in one document: 20 to 40 ms. A step is a visited node, or 16 characters or elements
that are made at once; a call of a function is ten."""

_MADE_A_STEP: Final = 16
_CALL: Final = 10

_ADDING: Final = frozenset({"multi_select_list", "multi_select_dict", "or_expression", "and_expression"})


def growth(node: Mapping[str, Any]) -> int:
    """How many times as large as its input the value of an expression may be; an upper bound."""
    parts = [growth(child) for child in node["children"] if isinstance(child, dict)]
    return max(1, sum(parts)) if node["type"] in _ADDING else math.prod(parts)


class BoundedInterpreter(TreeInterpreter):
    """Evaluates one expression once, in at most MAX_STEPS.

    `visit` raises CrmTooMuch beyond that.
    """

    def __init__(self, steps: int = MAX_STEPS) -> None:
        super().__init__()
        self._left = steps

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        """The value of a node."""
        self._spend(1)
        return super().visit(node, *args, **kwargs)

    def visit_flatten(self, node: Any, value: Any) -> Any:
        """The elements of the lists in a list."""
        return self._counted(super().visit_flatten(node, value))

    def visit_slice(self, node: Any, value: Any) -> Any:
        """A part of a list."""
        return self._counted(super().visit_slice(node, value))

    def visit_function_expression(self, node: Any, value: Any) -> Any:
        """The result of a function. Its arguments count too, since it reads all of them."""
        self._spend(_CALL)
        arguments = [self.visit(child, value) for child in node["children"]]
        for argument in arguments:
            self._counted(argument)
        functions: Any = self._functions  # type: ignore[attr-defined] # missing in the stubs of jmespath
        return self._counted(functions.call_function(node["value"], arguments))

    def _counted(self, made: Any) -> Any:
        if isinstance(made, str | list | dict):
            self._spend(len(made) // _MADE_A_STEP)
        return made

    def _spend(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise CrmTooMuch(f"An expression of the definition takes more than {MAX_STEPS} steps in the CRM's answer.")
