"""A practice: whoever holds one customer key; one Open Dental database behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final, Literal
from zoneinfo import ZoneInfo

REMOTE_NETWORK = "remote"
"""The internet, where Open Dental's own service is: the network of every practice that no VPC is named for."""


class Mode(StrEnum):
    """How Open Dental is reached; decides page sizes and whether a pace applies (behaviour.md's four modes)."""

    REMOTE = "remote"
    SERVICE = "service"
    LOCAL = "local"
    CLOUD = "cloud"


class Tier(StrEnum):
    """What Open Dental's price tier lets a key do, as the pace knows it.

    Source: https://www.opendental.com/site/apipermissions.html, throttling by permission.
    """

    READ_ONLY = "read_only"  # one call per 5 s
    STANDARD = "standard"  # one call per 1 s
    ENTERPRISE = "enterprise"  # one call per 0.5 s
    UNPACED = "unpaced"  # Service, Local and Cloud mode have no throttle


SANDBOX: Final = "sandbox"
"""The stage whose practices are simulated ones."""


class WayName(StrEnum):
    """The ways to an office: the one it was connected by, and the one that is taken while that does not answer."""

    FIRST = "first"
    FALLBACK = "fallback"


@dataclass(frozen=True, slots=True)
class Way:
    """How an office is reached: in which mode, at which address, from which network."""

    mode: Mode
    base_url: str
    network: str = REMOTE_NETWORK


@dataclass(frozen=True, slots=True)
class Baa:
    """The record of a business associate agreement: who signed, when, which document, until when.

    Days are UTC's, and both are covered. `closed_at`: when somebody ended it before its time, from which moment on it
    covers nothing.
    """

    reference: str
    signed_by: str
    signed_on: date
    expires_on: date | None = None
    id: str | None = None
    recorded_at: datetime | None = None
    recorded_by: str | None = None
    """The client that recorded it."""
    closed_at: datetime | None = None

    def is_current(self, today: date) -> bool:
        """Whether the agreement covers `today`."""
        is_running = self.signed_on <= today and (self.expires_on is None or today <= self.expires_on)
        return is_running and self.closed_at is None


@dataclass(frozen=True, slots=True)
class Practice:
    """What the gateway knows of a practice. No health data and no key is in it.

    `time_zone` is IANA and was said when the practice was connected. `version` is Open Dental's ProgramVersion as
    text (`"25.3.12.0"`), None until learned. `permissions` are the API permission names the key has, as the catalogue
    spells them (`ReadAll`, `Appointments` ...); empty means not yet learned.
    """

    id: str
    name: str
    time_zone: str
    mode: Mode = Mode.REMOTE
    base_url: str = "https://api.opendental.com/api/v1"
    upstream: Literal["rest", "fhir", "auto"] = "auto"
    """By which of Open Dental's two APIs rows are read; `auto` is FHIR where the key has no REST permission for it."""
    network: str = REMOTE_NETWORK
    """From where `base_url` is reached: which queue its turns wait on, and whose worker calls it."""
    fallback: Way | None = None
    """The other way to the same database, with the same keys, taken while this one does not answer."""
    by: WayName = WayName.FIRST
    """Which way `mode`, `base_url` and `network` are; `ways.as_reached` says it by the other. Stored by the first."""
    tier: Tier = Tier.READ_ONLY
    version: str | None = None
    permissions: frozenset[str] = frozenset()
    location_zones: dict[int, str] = field(default_factory=dict)
    """ClinicNum -> IANA zone, where a location's differs from the practice's."""
    writes_reference: bool = True
    """Whether our 12-character reference is put into the free text of what we add."""
    queries: bool = True
    """Whether its operator lets the office be asked by SQL, which the office's audit trail keeps."""
    baa: Baa | None = None
    """The last agreement that was recorded, whether it is in force or not."""
    may_lack_baa: bool = field(default=False, compare=False)
    """Whether it is open until an agreement is recorded for the first time: so in the sandbox, and nowhere else. No
    part of the record: whoever keeps records knows it."""
    key_fingerprint: str = ""
    """HMAC of the present customer key: names the pace it shares, reveals nothing."""
    other_fingerprints: tuple[str, ...] = ()
    """HMACs of the customer keys that are good besides, while one is being exchanged for another."""
    rotation: str | None = None
    """The exchange of keys that is under way, by its id."""
    state: str = "active"
    """`pending` while its keys are being verified, `active`, `disabled`; `removed` for good."""
    leaving: str | None = None
    """Its removal, by its id, from when that began."""
    connected_at: datetime | None = None

    def is_open(self, today: date) -> bool:
        """Whether an agreement lets its patients' data be read, written and kept `today`."""
        return self.may_lack_baa if self.baa is None else self.baa.is_current(today)

    def zone(self, clinic_num: int = 0) -> ZoneInfo:
        """The zone in which wall times of `clinic_num` are read."""
        return ZoneInfo(self.location_zones.get(clinic_num, self.time_zone))

    @property
    def pace_key(self) -> str:
        """Names the pace of its key by this way: the relay's throttle is none of the office's own server."""
        return self.key_fingerprint if self.by is WayName.FIRST else f"{self.key_fingerprint}.{self.by}"

    @property
    def page_limit(self) -> int:
        """Rows of one full page of a list in this mode and tier.

        Source: https://www.opendental.com/site/apispecification.html, pagination.
        """
        large = self.tier is Tier.ENTERPRISE
        if self.mode is Mode.REMOTE:
            return 1000 if large else 100
        return 10_000 if large else 1000
