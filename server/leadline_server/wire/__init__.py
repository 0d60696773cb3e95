"""Contract <-> domain, one file a proto file. What passes here is valid: inside nothing is checked twice."""
