"""Several processes that serve on the same ports, and the supervisor that starts and replaces them.

The supervisor runs for the life of the server, so its modules (`supervisor`, `worker_process`, `plan`, `lines`) import
the standard library alone.
"""
