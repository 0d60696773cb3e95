"""Zoho's layouts, which tell the required fields of a module ("Layouts Metadata")."""

from collections.abc import Collection, Mapping

from fakes.records import Fields


def layouts(own: Mapping[str, str], mandatory: Collection[str], more: Mapping[str, str]) -> Fields:
    """The layouts of a module.

    Args:
        own: labels of Zoho's own fields.
        mandatory: those that Zoho itself requires.
        more: labels of the fields that an administrator requires.
    """
    fields = [
        {
            "api_name": name,
            "field_label": label,
            "data_type": "ownerlookup" if name == "Owner" else "text",
            "required": name in mandatory or name in more or name == "Owner",
            "system_mandatory": name in mandatory,
        }
        for name, label in {**own, **more}.items()
    ]
    other = {"sections": [{"fields": [{"api_name": "Other", "field_label": "Other", "required": True}]}]}
    return {"layouts": [{"name": "Standard", "sections": [{"fields": fields}]}, {"name": "Second", **other}]}
