"""The common parts of definition files: the base model, templates, JMESPath expressions, and the limits of all three.

A definition file is TOML and describes another system: the API of a CRM (`crm.declarative`), or the webhooks of a phone
system (`ingress`).
"""
