"""A browser without scripts: it opens pages and sends their forms."""

from __future__ import annotations

import asyncio
import re
from html import unescape
from typing import TYPE_CHECKING, Any

import httpx
from argon2 import PasswordHasher

if TYPE_CHECKING:
    from fastapi import FastAPI
    from httpx import Response

PASSWORD = "correct horse battery staple"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
HTML = {"accept": "text/html,application/xhtml+xml"}
_FORM = re.compile(r"<form[^>]*>.*?</form>", re.DOTALL)
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


class _InProcess(httpx.BaseTransport):
    """Requests go straight into the application, each on an event loop of its own."""

    def __init__(self, app: FastAPI) -> None:
        self._into = httpx.ASGITransport(app, raise_app_exceptions=False, client=("192.0.2.7", 4711))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return asyncio.run(self._ask(request))

    async def _ask(self, request: httpx.Request) -> httpx.Response:
        answer = await self._into.handle_async_request(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread(), request=request)


class Visitor:
    """Somebody at the console."""

    def __init__(self, app: FastAPI, url: str = "http://testserver") -> None:
        self.client = httpx.Client(transport=_InProcess(app), base_url=url)

    def open(self, path: str, **headers: str) -> Response:
        return self.client.get(path, headers={**HTML, **headers})

    def page(self, path: str = "/") -> str:
        """The text of a page that must be there."""
        response = self.open(path)
        assert response.status_code == 200, (path, response.status_code, response.text[:500])
        return response.text

    def sign_in(self, name: str, password: str = PASSWORD, **more: str) -> Response:
        return self.client.post("/sign-in", data={"name": name, "password": password, **more}, headers=HTML)

    def csrf(self, path: str = "/") -> str:
        return self.hidden(self.page(path), "/sign-out")["csrf"]

    def hidden(self, page: str, action: str) -> dict[str, str]:
        """The hidden fields of the form that goes to ``action``."""
        forms = [form for form in _FORM.findall(page) if f'action="{action}"' in form]
        assert forms, f"no form goes to {action}"
        return {name: unescape(value) for name, value in _HIDDEN.findall(forms[0])}

    def submit(self, action: str, on: str = "/", **fields: Any) -> Response:
        """Fill in the form on a page and send it."""
        hidden = self.hidden(self.page(on), action)
        return self.client.post(action, data={**hidden, **fields}, headers=HTML)

    def call(self, method: str, path: str, json: Any = None, name: str = "sam", password: str = PASSWORD) -> Response:
        """A program with name and password."""
        return self.client.request(method, f"/api/v1{path}", json=json, auth=(name, password))
