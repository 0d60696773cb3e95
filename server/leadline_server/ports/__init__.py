"""The interfaces between the rules and the world. Their docstrings are the obligations of whoever implements them."""
