"""The common parts of definition files: the base model, templates, JMESPath expressions, and the limits of all three.

A definition file is TOML and describes another system's API. CRMs have them today (`crm.declarative`).
"""
