"""Webhooks of phone systems: from an HTTP request to reports of calls, by a definition file.

    request -> authentication        is it the phone system's own? pure functions
            -> request, expectation  its document, and whether it is this account's
            -> reading               one event: a report of a call, or why it is skipped
            -> receiver              LogCall's command, the quarantine, and the answer

A definition describes a phone system (`definition`, `compiled_definition`, `definition_files`). A route is a definition
with an account's secret (`routes`). Nothing here knows ASGI or gRPC's messages on the wire.
"""
