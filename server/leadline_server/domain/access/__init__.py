"""Who may do what: two pure functions and one table.

principals    `principal(credential)`: who presents a credential
table         the table of roles: which role may call which RPC for which users
rules         `allowed(principal, rpc, account, user)`: the answer of the table
api_keys      API keys: how one is made, and what the ledger keeps of it
"""
