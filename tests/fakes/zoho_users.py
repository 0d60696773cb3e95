"""The users of a fake Zoho."""

from typing import Final

from aiohttp import web

from fakes.zoho_faults import USERS, ZohoErrors, error_body

FIRST_ID: Final = 4_876_876_000_000_000_000


class ZohoUsers(ZohoErrors):
    """A fake Zoho that lists its users."""

    def add_user(self, name: str, email: str, *, is_active: bool) -> str:
        """As an administrator does it: a new user's id."""
        first, _, last = name.partition(" ")
        fields = {"first_name": first, "last_name": last, "full_name": name, "email": email, "confirm": True}
        status = "active" if is_active else "disabled"
        return self.records.add(USERS, {**fields, "status": status}, record_id=self.new_id(), by_people=True).id

    async def _list_users(self, request: web.Request) -> web.Response:
        """Users of a type ("Get Users"): 200 a page at most, and 204 for none."""
        kind, page, size = (request.query.get(name, "") for name in ("type", "page", "per_page"))
        if kind not in ("AllUsers", "ActiveUsers") or not page.isdecimal() or not 1 <= int(size or 0) <= 200:
            return error_body(400, "INVALID_REQUEST", "unable to process your request")
        users = [each for each in self.records.all(USERS) if kind == "AllUsers" or each.fields["status"] == "active"]
        start, size_ = (int(page) - 1) * int(size), int(size)
        shown = [{"id": each.id, **each.fields} for each in users[start : start + size_]]
        if not shown:
            return web.Response(status=204)
        info = {"per_page": size_, "count": len(shown), "page": int(page), "more_records": start + size_ < len(users)}
        return web.json_response({"users": shown, "info": info})

    def new_id(self) -> str:
        return str(FIRST_ID + self.records.next_id())
