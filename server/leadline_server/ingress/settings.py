"""The settings of a route: the table `[accounts.ACCOUNT.ingress.NAME]`."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from leadline_server.domain.call_ids import MAX_SOURCE, SOURCE_PATTERN
from leadline_server.secret_settings import Secret

Expected = Annotated[str, Field(min_length=1, max_length=200)]
RouteName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]


class RouteConfig(BaseModel):
    """A phone system that reports an account's calls at `/ingress/NAME/ACCOUNT`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    definition: str = Field(
        "",
        description="The name of a definition that comes with leadline, or a file's path. Empty: the route's name.",
    )
    secret: Secret = Field(
        SecretStr(""), description="The secret, token, password or public key that authenticates requests. Required."
    )
    user: str = Field("leadline", max_length=128, description="The user of Basic authentication.")
    source: str = Field(
        "",
        max_length=MAX_SOURCE,
        pattern=SOURCE_PATTERN,
        description="A name of the phone system that call ids begin with. Empty: its own ids.",
    )
    expect: dict[str, Expected] = Field(
        default_factory=dict, description="The values that every event must have, by the definition's names."
    )
