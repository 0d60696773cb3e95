"""The base model of definition files, and the types of their fields."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, StringConstraints

NAME: Final = r"^[a-z][a-z0-9_]{0,39}$"

Name = Annotated[str, StringConstraints(pattern=NAME)]
"""A name that the author of a definition chooses, such as `base_url`."""

Text = Annotated[str, StringConstraints(max_length=10_000)]
"""A template or a plain text."""

Path = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
"""A JMESPath expression, or the template of a path."""


class DefinitionTable(BaseModel):
    """The base of every table in a definition file. Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)
