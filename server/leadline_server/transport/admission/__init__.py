"""Which calls begin, and when: the way of every call from its bytes to its turn, for gRPC and HTTP alike.

account_id    reads the account of a request before the request is decoded
quotas        what one account may use: calls and bytes a time, bytes in flight, watches
fair_queue    calls that wait, in turns between accounts
door          puts these together; an endpoint asks it once a call
"""
