"""The definitions of phone systems that come with leadline."""
