"""A network of practices as a worker in it sees it: its subnets, and the only addresses that it may call."""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from infra.parts.endpoints import Endpoints
from infra.stages import Network

HTTPS = ec2.Port.tcp(443)


class PracticeNetwork(Construct):
    """Somebody's VPC, and a security group that lets the worker call AWS's endpoints and the practices, no one else.

    The VPC is not looked up, so that synthesis calls no AWS.
    """

    def __init__(self, scope: Construct, id_: str, *, network: Network) -> None:
        super().__init__(scope, id_)
        tables = network.route_table_ids
        self.vpc = ec2.Vpc.from_vpc_attributes(
            self,
            "Vpc",
            vpc_id=network.vpc_id,
            vpc_cidr_block=network.cidr,
            availability_zones=list(network.availability_zones),
            isolated_subnet_ids=list(network.subnet_ids),
            isolated_subnet_route_table_ids=list(tables * len(network.subnet_ids) if len(tables) == 1 else tables),
        )
        self.subnets = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
        self.worker_group = ec2.SecurityGroup(
            self,
            "Worker",
            vpc=self.vpc,
            description=f"The worker of the Open Dental gateway in {network.name}",
            allow_all_outbound=False,
        )
        for cidr, port in network.practice_addresses():
            self.worker_group.add_egress_rule(ec2.Peer.ipv4(cidr), ec2.Port.tcp(port), "Open Dental")
        if network.endpoints_group is None:
            group: ec2.ISecurityGroup = Endpoints(
                self, "Endpoints", vpc=self.vpc, subnets=self.subnets, cidr=network.cidr
            ).group
        else:
            group = ec2.SecurityGroup.from_security_group_id(self, "EndpointsGroup", network.endpoints_group)
        self.worker_group.connections.allow_to(group, HTTPS, "AWS through interface endpoints")
        # A gateway endpoint is a route, not an address of ours: only the region's list of prefixes names it.
        for prefix_list in network.gateway_prefix_lists:
            self.worker_group.add_egress_rule(ec2.Peer.prefix_list(prefix_list), HTTPS, "DynamoDB and S3")
