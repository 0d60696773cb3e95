"""All RPCs as JSON over HTTP, and pages for phone systems and browsers: one ASGI application.

server        listens, and stops cleanly
gate          refuses requests of other sites' web pages, and requests for another host name
rpcs          Connect and gRPC-Web over the same endpoints as gRPC
ingress       POST /ingress/NAME/ACCOUNT, the webhooks of phone systems
caller_name   GET /v1/caller-name, for dialplans
console_files the page for people
openapi.json  describes all of it, for people and generators
"""
