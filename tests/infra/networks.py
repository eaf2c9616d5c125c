"""Two networks, as an operator writes them down: one whose endpoints the stage makes, one that has them."""

from __future__ import annotations

from typing import Any

CLINIC = "clinic-a"
OTHER = "other"

CLINIC_SAID: dict[str, Any] = {
    "name": CLINIC,
    "vpc_id": "vpc-0c110000000000001",
    "cidr": "10.20.0.0/16",
    "subnet_ids": ["subnet-0a00000000000000a", "subnet-0b00000000000000b"],
    "availability_zones": ["us-east-1a", "us-east-1b"],
    "route_table_ids": ["rtb-0a00000000000000a"],
    "gateway_prefix_lists": ["pl-0d000000", "pl-05000000"],
    "base_url_allow": ["http://10.20.0.15:30222", "http://10.20.0.16:30222/api/v1"],
}
OTHER_SAID: dict[str, Any] = {
    "name": OTHER,
    "vpc_id": "vpc-0d220000000000002",
    "cidr": "10.30.0.0/16",
    "subnet_ids": ["subnet-0c00000000000000c"],
    "availability_zones": ["us-east-1a"],
    "route_table_ids": ["rtb-0c00000000000000c"],
    "gateway_prefix_lists": ["pl-0d000000", "pl-05000000"],
    "base_url_allow": ["https://od.other.example:30223"],
    "addresses": ["10.30.8.0/24"],
    "endpoints_group": "sg-0e00000000000000e",
}
