"""What botocore knows of AWS's services, without looking through all of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from botocore.session import get_session

from gateway import wiring
from gateway.adapters.service_data import SERVICES, ServiceData


def test_the_services_known_beforehand_are_those_that_clients_are_made_for() -> None:
    """One more client without its service here would fail at its first use."""
    wired = "".join(file.read_text() for file in Path(wiring.__file__).parent.glob("*.py"))

    assert set(re.findall(r'self\._client\("([a-z0-9]+)"', wired)) == set(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_described_as_botocore_describes_it(service: str) -> None:
    for kind in ("service-2", "endpoint-rule-set-1"):
        assert ServiceData().load_service_model(service, kind) == Loader().load_service_model(service, kind)


@pytest.mark.parametrize("service", SERVICES)
def test_a_client_asks_the_same_endpoint_as_a_plain_session_s(service: str) -> None:
    ours = get_session()
    ours.register_component("data_loader", ServiceData())
    made = [one.create_client(service, region_name="eu-central-1") for one in (ours, get_session())]

    assert made[0].meta.endpoint_url == made[1].meta.endpoint_url


def test_another_service_is_refused_by_name() -> None:
    with pytest.raises(UnknownServiceError, match="ec2"):
        ServiceData().load_service_model("ec2", "service-2")
