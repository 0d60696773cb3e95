"""Generated from `protos/` by `make generate`; edit the protos, not the stubs."""
