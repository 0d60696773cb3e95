"""Who has a number, and how one contact comes to be for a number that nobody has."""
