"""Who may do what: two pure functions and one table.

principals    `principal(credential)`: who presents a credential
table         the table of roles: the RPCs that each role may call, and the accounts and users they are for
rules         `allowed(principal, rpc, account, user)`: the answer of the table
api_keys      API keys: how one is made, and what the ledger keeps of it
"""
