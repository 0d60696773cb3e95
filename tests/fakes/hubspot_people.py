"""The work of people in a fake HubSpot."""

from typing import Final

from aiohttp import web

from fakes.hubspot_errors import HubSpotErrors

CONTACTS: Final = "contacts"
CALLS: Final = "calls"
OWNERS: Final = "owners"
LINKED: Final = "associations"
"""The field of a call that has the ids of its contacts."""
MERGED: Final = "merged"


class HubSpotPeople(HubSpotErrors):
    """A fake HubSpot in which people work."""

    def add_owner(self, name: str, email: str, *, is_active: bool) -> str:
        """As an administrator does it: a new owner's id."""
        first, _, last = name.partition(" ")
        owner = {"email": email, "type": "PERSON", "firstName": first, "lastName": last, "archived": not is_active}
        return self.records.add(OWNERS, owner, by_people=True).id

    async def _list_owners(self, request: web.Request) -> web.Response:
        """Owners in the order of their ids ("CRM API | Owners"): 1 to 500 a page, archived ones apart."""
        query = request.query
        if set(query) - {"email", "after", "limit", "archived"}:
            return self.unprocessable("unknown parameter")
        limit, after, archived = query.get("limit", "100"), query.get("after", ""), query.get("archived", "false")
        if not limit.isdecimal() or not 1 <= int(limit) <= 500 or archived not in ("true", "false"):
            return self.unprocessable(f"limit {limit}, archived {archived}")
        if after and not after.isdecimal():
            return self.unprocessable(f"after {after}")
        owners = [each for each in self.records.all(OWNERS) if each.fields["archived"] is (archived == "true")]
        start = int(after or 0)
        page = [
            # The user's own id is another number, and no owner.
            {"id": each.id, "userId": int(each.id) + 9_000_000, **each.fields}
            for each in owners[start : start + int(limit)]
        ]
        end = start + len(page)
        more = {"paging": {"next": {"after": str(end), "link": "?after="}}} if end < len(owners) else {}
        return web.json_response({"results": page, **more})

    def merge(self, kept_id: str, gone_id: str) -> None:
        """As people do it: calls go to the contact that is kept, which is read by the other's id from now on."""
        self.records.remove(CONTACTS, gone_id, by_people=True)
        self.records.add(MERGED, {"into": kept_id}, record_id=gone_id, by_people=True)
        for call in self.records.all(CALLS):
            links = [kept_id if each == gone_id else each for each in call.fields[LINKED]]
            self.records.change(CALLS, call.id, {LINKED: links}, by_people=True)
