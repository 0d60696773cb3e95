"""leadline over gRPC: thin handlers, the mapping between contract and domain, errors as statuses, the server itself."""
