"""Certificates of the server's ports.

material     reads and checks the files: certificate, key, CAs of clients
certificate  the certificate in force; reads its files again when they change
acceptor     takes TLS connections on a listening socket (HTTP and metrics; gRPC has its own)
peers        the names in a client's certificate, and whether its CA is still trusted
"""
