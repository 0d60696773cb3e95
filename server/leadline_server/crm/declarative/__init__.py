"""The declarative adapter: a TOML file describes the requests and answers of a CRM with a JSON API."""
