"""Authentication: the principal of a request, by its credential.

authenticator   finds the principal; an endpoint asks it once a call, and once in a while for a watch
attempts        failed attempts: they slow their peer, and are counted
sessions        sessions of browsers: cookies and CSRF tokens
tokens          verifies JWTs
issuers         the settings of their issuers
token_claims    reads them strictly: header, times, audience, role
signing_keys    the public keys of an issuer
ledger_contact  whether the ledger can still be reached; if not, no credential is accepted
"""
