"""leadline over gRPC: the endpoints, the four services, errors as statuses, and the server."""
