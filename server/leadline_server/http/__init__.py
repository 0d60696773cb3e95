"""Every RPC as JSON over HTTP, and what phone systems and browsers ask for besides: one ASGI application.

server        listens, and stops cleanly
gate          refuses what a web page of another site, or another host name, sends
rpcs          Connect and gRPC-Web over the same endpoints as gRPC
caller_name   GET /v1/caller-name, for dialplans
openapi       the description of all of it, for people and generators
"""
