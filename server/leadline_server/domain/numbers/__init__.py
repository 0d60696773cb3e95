"""Phone numbers: how they are read, told apart and compared."""
