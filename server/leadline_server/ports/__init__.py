"""The interfaces between leadline's rules and the outside. Their docstrings are the obligations of implementations."""
