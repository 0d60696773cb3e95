"""Phone numbers as people and systems write them."""
