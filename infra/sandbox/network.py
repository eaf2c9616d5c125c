"""The network of an office with a server of its own, as far as this machine has one: a queue, a worker, an address.

The worker is deployed as in a VPC of AWS and runs on this machine like every function. What lies in the network is
called `localhost`, and what the internet leads to `127.0.0.1`, so that each worker is kept to its own by the gateway's
rules alone: see "VPCs" in `stand_ins.py`.
"""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

NAME = "clinic"
PORT = 30223
"""Of an office's API Service (https://www.opendental.com/site/apimodes.html). Here an office listens at any port."""

_SAID = {
    "name": NAME,
    "vpc_id": "vpc-00000000000000001",
    "cidr": "10.20.0.0/16",
    "subnet_ids": ["subnet-00000000000000001"],
    "availability_zones": ["us-east-1a"],
    "route_table_ids": ["rtb-00000000000000001"],
    "gateway_prefix_lists": ["pl-00000001"],
    "base_url_allow": [f"http://localhost:{PORT}"],
    "addresses": ["10.20.0.15/32"],
}


def written(home: Path) -> Path:
    """The file that names it, as an operator would write one."""
    file = home / "networks.json"
    file.write_text(json.dumps([_SAID]))
    return file


def inside(base_url: str) -> str:
    """An address of this machine as the network knows it."""
    url = urlsplit(base_url)
    return url._replace(netloc=f"localhost:{url.port}").geturl()
