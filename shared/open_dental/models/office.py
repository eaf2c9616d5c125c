"""How the office is set up: preferences, definitions, clinics, and what the key may do."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from open_dental.models.base import OpenDentalModel
from open_dental.wire import Flag, Key, OptionalFlag, OptionalKey, OptionalWhole, Text


class Preference(OpenDentalModel):
    """One setting of the office. Source: https://www.opendental.com/site/apipreferences.html."""

    pref_num: OptionalKey = None
    pref_name: str
    value_string: str = ""
    """As stored: "1" and "0" for yes and no, a key, a number, a text."""


class SecurityPerm(OpenDentalModel):
    """Whether the key has one permission. Source: https://www.opendental.com/site/apisecurityperms.html, since 22.2."""

    permission: str
    """With the prefix Api, e.g. ApiReadAll."""
    has_permission: Flag


class Definition(OpenDentalModel):
    """One entry of an office-defined list. Source: https://www.opendental.com/site/apidefinitions.html."""

    def_num: Key
    item_name: Text = None
    item_value: Text = None
    category: OptionalWhole = None
    """The number of the list; 0 is AccountColors."""
    category_label: Annotated[Text, Field(alias="category")] = None
    is_hidden: Annotated[OptionalFlag, Field(alias="isHidden")] = None


class Clinic(OpenDentalModel):
    """One location of the practice. Source: https://www.opendental.com/site/apiclinics.html."""

    clinic_num: Key
    description: Text = None
    abbr: Text = None
    phone: Text = None
    address: Text = None
    address2: Text = None
    city: Text = None
    state: Text = None
    zip: Text = None
    is_hidden: OptionalFlag = None
