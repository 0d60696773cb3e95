"""Phone numbers: how they are written, read and compared."""
