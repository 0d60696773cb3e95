"""The declarative adapter: a CRM with a JSON API, connected by a TOML file that says what to send and read."""
