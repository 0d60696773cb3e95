"""The rules of leadline as plain values and pure functions: no I/O, no clock, no gRPC."""
