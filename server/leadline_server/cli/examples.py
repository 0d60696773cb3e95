"""Examples of every command, which its help shows. They can be pasted into a POSIX shell."""

from collections.abc import Mapping, Sequence
from typing import Final

EXAMPLES: Final[Mapping[str, Sequence[str]]] = {
    "serve": [
        "leadline serve --data-dir data",
        "leadline serve --config leadline.toml --check",
        "leadline serve --config leadline.toml --workers 4",
    ],
    "doctor": ["leadline doctor --config leadline.toml"],
    "health": ["leadline health --config leadline.toml"],
    "ring": ["leadline ring '+1 202-555-0111' --name 'Ann Example'"],
    "backup": ["leadline backup backups/2026-03-01 --data-dir data --keys keys/2026-03-01"],
    "restore": ["leadline restore backups/2026-03-01 --data-dir restored"],
    "contacts find": [
        "leadline contacts find '+1 202-555-0111'",
        "leadline contacts find '(202) 555-0111' 202-555-0112 --json",
    ],
    "contacts search": ["leadline contacts search 'ann exa'"],
    "contacts create": ["leadline contacts create 'Ann Example' '+1 202-555-0111' --company 'Example Ltd'"],
    "contacts import": [
        "leadline contacts import contacts.csv --dry-run",
        "leadline contacts import contacts.csv --column phone='Tel. dienstlich'",
    ],
    "calls list": ["leadline calls list --state unlogged --since 2h"],
    "calls show": ["leadline calls show call-1"],
    "calls log": [
        "leadline calls log --user alice --id call-1 --direction inbound --caller '+1 202-555-0111' --start 5m",
        "leadline calls log --id call-1 --contact c_123",
    ],
    "calls retry": ["leadline calls retry call-1", "leadline calls retry --state failed"],
    "calls watch": ["leadline calls watch --user alice"],
    "calls import": [
        "leadline calls import Master.csv --time-zone Europe/Berlin --dry-run",
        "leadline calls import Master.csv --time-zone Europe/Berlin --user 101=alice",
        "leadline calls import Master.csv --time-zone Europe/Berlin --follow",
    ],
    "placeholders list": ["leadline placeholders list --since 7d"],
    "placeholders undo": ["leadline placeholders undo --since 2h --dry-run"],
    "preferences show": ["leadline preferences show alice"],
    "preferences set": ["leadline preferences set alice unknown_contact_action=CREATE_PLACEHOLDER"],
    "account show": ["leadline account show --account acme"],
    "account create": ["leadline account create acme --title 'Acme Ltd' --region GB"],
    "account get": ["leadline account get acme"],
    "account list": ["leadline account list --json"],
    "account update": ["leadline account update acme --title Acme"],
    "account disable": ["leadline account disable acme", "leadline account disable acme --undo"],
    "account delete": ["leadline account delete acme --yes"],
    "account export": ["leadline account export acme"],
    "connections connect": [
        "leadline connections connect sales --config leadline.toml",
        "leadline connections connect sales --config leadline.toml --device",
    ],
    "connections list": ["leadline connections list --json"],
    "secrets rotate": ["leadline secrets rotate --config leadline.toml"],
    "secrets generate": ["leadline secrets generate"],
    "secrets list": ["leadline secrets list --json"],
    "account set": ["leadline account set default_region=DE time_zone=Europe/Berlin"],
    "users list": ["leadline users list --csv"],
    "users set": ["leadline users set alice --name 'Alice Example' --extension 101"],
    "users delete": ["leadline users delete alice"],
    "users import": ["leadline users import users.csv"],
    "users match": ["leadline users match --apply"],
    "keys bootstrap": ["leadline keys bootstrap --file platform.key --data-dir data"],
    "keys issue": ["leadline keys issue --account acme --role reporter --label 'office PBX'"],
    "keys list": ["leadline keys list --account acme"],
    "keys rotate": ["leadline keys rotate 0123456789abcdef --overlap 1"],
    "keys revoke": ["leadline keys revoke 0123456789abcdef"],
    "keys deny": ["leadline keys deny https://idp.example.com --subject alice"],
    "context list": ["leadline context list"],
    "context use": ["leadline context use office"],
    "context set": [
        "leadline context set office --server leadline.example.com:50051 --account acme --tls --api-key-file acme.key",
        "leadline context set lab --server 10.0.0.5:50051 --tls-ca ca.pem --tls-name leadline.lab",
    ],
    "context delete": ["leadline context delete lab"],
    "audit list": ["leadline audit list --account acme --since 2026-11-01 --action key.revoked"],
    "audit export": [
        "leadline audit export /mnt/audit/2026-11.jsonl",
        "leadline audit export acme.jsonl --server leadline.example.com:50051 --tls --account acme",
    ],
    "audit verify": ["leadline audit verify --anchors /mnt/audit/2026-11.jsonl"],
    "ledger check": ["leadline ledger check --data-dir data"],
    "ledger copy": [
        "leadline ledger copy sqlite:data/ledger.db postgresql://leadline@db.example/leadline",
        "leadline ledger copy postgresql://leadline@db.example/leadline sqlite:data/ledger.db",
    ],
    "ledger version": ["leadline ledger version --data-dir data"],
    "connections check": ["leadline connections check hubspot --config leadline.toml"],
    "adapter list": ["leadline adapter list"],
    "adapter check": ["leadline adapter check espocrm.toml"],
    "adapter try": ["leadline adapter try espocrm.toml find '+12025550111' --env api_key=ESPO_KEY"],
    "adapter test": ["leadline adapter test --address 127.0.0.1:50070"],
    "adapter serve": ["leadline adapter serve hubspot --config leadline.toml --listen 127.0.0.1:50070"],
    "listen asterisk": ["leadline listen asterisk --host pbx.example.com --secret-file ami.secret --account acme"],
    "listen freeswitch": ["leadline listen freeswitch --secret-file esl.password --cdr /var/log/freeswitch/json_cdr"],
    "ingress list": ["leadline ingress list --failed --account acme"],
    "ingress check": ["leadline ingress check my-pbx.toml"],
    "ingress try": ["leadline ingress try my-pbx.toml event.json --offline"],
}


def epilog(path: str) -> str:
    """The examples of a command, such as `calls list`; empty if it has none."""
    return "\n".join(EXAMPLES.get(path, ()))
