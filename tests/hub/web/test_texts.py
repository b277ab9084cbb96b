"""Names that would show as something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.web.fields import FieldError, required
from tests.hub.web.visitor import Visitor

if TYPE_CHECKING:
    from fastapi import FastAPI

ODD = ("Al\nice", "A\x00B", "A\x1b[31m", "\u202eecilA", "A\u2066B", "A\u200bB")


@pytest.mark.parametrize("name", ODD)
def test_a_name_with_characters_that_nobody_sees_is_refused(app: FastAPI, name: str) -> None:
    visitor = Visitor(app)

    assert visitor.call("POST", "/workers", {"name": name}, name="mo").status_code == 422
    with pytest.raises(FieldError):
        required("Name", name)


@pytest.mark.parametrize("name", ["Zoë Ó Súilleabháin", "李雷", "محمد"])
def test_names_of_all_the_world_are_taken(app: FastAPI, name: str) -> None:
    assert Visitor(app).call("POST", "/workers", {"name": name}, name="mo").status_code == 201


@pytest.mark.parametrize("address", ["sam.@acme.example", "a@b>", "a@b,c", "a@b\x00"])
def test_an_address_that_no_mail_can_be_written_to_is_refused(app: FastAPI, address: str) -> None:
    assert Visitor(app).call("POST", "/workers", {"name": "x", "email": address}, name="mo").status_code == 422
