"""Contexts: which server, account, key and certificates a command uses."""

import stat
from pathlib import Path
from typing import Final

import pytest
from leadline_server.cli import app
from leadline_server.cli.command_target import CommandTarget, TlsOptions, chosen_target
from leadline_server.cli.contexts import BadContexts, Context, Contexts, contexts_file, load_contexts, save_contexts
from typer.testing import CliRunner

RUN: Final = CliRunner()
OFFICE: Final = Context(server="office:50051", account="acme", api_key="leadline_office", tls=True, tls_ca="/ca.pem")
LAB: Final = Context(server="lab:50051", account="lab")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for variable in ("LEADLINE_SERVER", "LEADLINE_ACCOUNT", "LEADLINE_API_KEY"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def saved() -> None:
    save_contexts(Contexts({"office": OFFICE, "lab": LAB}, "office"))


def _where(target: CommandTarget) -> tuple[str, str, str]:
    return target.server, target.account, target.api_key


def test_without_contexts_the_built_in_server_and_account_are_asked() -> None:
    assert _where(chosen_target(environment={})) == ("127.0.0.1:50051", "demo", "")


@pytest.mark.usefixtures("saved")
def test_the_context_in_use_gives_server_account_key_and_tls() -> None:
    target = chosen_target(environment={})
    assert _where(target) == ("office:50051", "acme", "leadline_office")
    assert target.tls == TlsOptions(is_on=True, ca="/ca.pem")


@pytest.mark.usefixtures("saved")
def test_an_option_names_another_context() -> None:
    assert _where(chosen_target(context="lab", environment={})) == ("lab:50051", "lab", "")


@pytest.mark.usefixtures("saved")
@pytest.mark.parametrize("environment", [{}, {"LEADLINE_SERVER": "other:1"}])
def test_the_key_of_a_context_never_goes_to_another_server(environment: dict[str, str]) -> None:
    target = chosen_target(server="" if environment else "other:1", environment=environment)
    assert _where(target) == ("other:1", "demo", "")
    assert not target.tls


@pytest.mark.usefixtures("saved")
def test_options_beat_the_environment_and_the_environment_beats_the_context_in_use() -> None:
    environment = {"LEADLINE_ACCOUNT": "beta", "LEADLINE_API_KEY": "leadline_mine"}
    assert _where(chosen_target(environment=environment)) == ("office:50051", "beta", "leadline_mine")
    assert chosen_target(account="gamma", environment=environment).account == "gamma"


@pytest.mark.usefixtures("saved")
def test_a_context_that_an_option_names_beats_the_environment() -> None:
    environment = {"LEADLINE_SERVER": "other:1", "LEADLINE_ACCOUNT": "beta", "LEADLINE_API_KEY": "leadline_mine"}
    assert _where(chosen_target(context="office", environment=environment)) == (
        "office:50051",
        "acme",
        "leadline_office",
    )


@pytest.mark.usefixtures("saved")
def test_a_suggested_command_reaches_the_same_server() -> None:
    def words(target: CommandTarget) -> str:
        return target.command("calls", "list").partition("calls list")[2].strip()

    assert words(chosen_target(environment={})) == ""
    assert words(chosen_target(context="lab", environment={})) == "--context lab"
    assert words(chosen_target(context="lab", account="x", environment={})) == "--context lab --account x"
    far = chosen_target(server="far:1", tls=TlsOptions(ca="ca.pem", name="far"), environment={})
    assert words(far) == "--server far:1 --tls-ca ca.pem --tls-name far"
    assert words(chosen_target(server="far:1", tls=TlsOptions(is_on=True), environment={})) == "--server far:1 --tls"


def test_an_unknown_context_is_told_before_anything_is_sent() -> None:
    shown = RUN.invoke(app, ["calls", "list", "--context", "nowhere"])
    assert (shown.exit_code, "there is no context 'nowhere'" in shown.output) == (2, True)


@pytest.mark.usefixtures("saved")
def test_the_file_is_for_its_owner_alone_and_is_refused_if_others_can_read_its_keys() -> None:
    assert stat.S_IMODE(contexts_file().stat().st_mode) == 0o600
    contexts_file().chmod(0o644)
    with pytest.raises(BadContexts, match="chmod 600"):
        load_contexts()


@pytest.mark.parametrize(
    "text",
    [
        "x = ",
        "contexts = 1",
        "current = 1",
        "[contexts.a]\nport = 1",
        "[contexts.a]\ntls = 'yes'",
        "contexts.a = 1",
        "\xff",
    ],
)
def test_a_file_that_is_not_valid_is_told_and_not_guessed_at(text: str) -> None:
    contexts_file().parent.mkdir(parents=True)
    contexts_file().write_bytes(text.encode("latin-1"))
    with pytest.raises(BadContexts, match=r"contexts\.toml"):
        load_contexts()


def test_a_context_is_made_used_listed_changed_and_deleted(tmp_path: Path) -> None:
    (tmp_path / "acme.key").write_text("leadline_secret\n")
    made = RUN.invoke(
        app,
        [
            "context",
            "set",
            "office",
            "--server",
            "a:1",
            "--tls-ca",
            "ca.pem",
            "--api-key-file",
            str(tmp_path / "acme.key"),
        ],
    )
    assert (made.exit_code, "and in use" in made.output) == (0, True)
    assert load_contexts().named["office"] == Context(
        server="a:1", api_key="leadline_secret", tls=True, tls_ca=str(Path("ca.pem").absolute())
    )
    assert RUN.invoke(app, ["context", "set", "lab", "--server", "b:1"]).exit_code == 0
    listed = RUN.invoke(app, ["context", "list"]).output
    assert listed == "* office  a:1  -  TLS  API key\n  lab  b:1  -\n"
    for shown in (listed, RUN.invoke(app, ["context", "list", "--json"]).output):
        assert "leadline_secret" not in shown
    RUN.invoke(app, ["context", "set", "office", "--no-tls"])
    assert load_contexts().named["office"] == Context(server="a:1", api_key="leadline_secret")
    assert RUN.invoke(app, ["context", "use", "lab"]).exit_code == 0
    assert load_contexts().current == "lab"
    assert RUN.invoke(app, ["context", "delete", "lab"]).exit_code == 0
    assert load_contexts() == Contexts({"office": Context(server="a:1", api_key="leadline_secret")}, "")


@pytest.mark.parametrize(
    "words",
    [
        ["use", "nowhere"],
        ["delete", "nowhere"],
        ["set", "a/b", "--server", "a:1"],
        ["set", "a", "--tls-cert", "a.pem"],
        ["set", "a", "--api-key-file", "/nowhere"],
        ["set", "a", "--server", "a\n1"],
    ],
)
def test_what_cannot_be_used_is_refused_and_changes_nothing(words: list[str]) -> None:
    shown = RUN.invoke(app, ["context", *words])
    assert (shown.exit_code, shown.output.startswith("leadline: ")) == (2, True)
    assert load_contexts() == Contexts()


def test_texts_of_all_kinds_come_back_as_they_were_written() -> None:
    context = Context(server='q"uote\\back:1', account="ünï ⌘ 𓂀", api_key="leadline_x")
    save_contexts(Contexts({"a.b": context}, "a.b"))
    assert load_contexts() == Contexts({"a.b": context}, "a.b")


def test_no_key_is_in_the_repr_of_what_holds_it() -> None:
    save_contexts(Contexts({"office": OFFICE}, "office"))
    assert "leadline_office" not in repr((OFFICE, load_contexts(), chosen_target(environment={})))


def test_a_file_of_tls_that_is_missing_is_told_in_a_sentence() -> None:
    shown = RUN.invoke(app, ["calls", "list", "--tls-ca", "/nowhere/ca.pem"])
    assert (shown.exit_code, "/nowhere/ca.pem" in shown.output, "Traceback" in shown.output) == (2, True, False)


def test_a_user_without_a_home_has_no_contexts(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    assert load_contexts().named == {}
