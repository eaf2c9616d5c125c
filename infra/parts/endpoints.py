"""How a worker in a VPC reaches AWS without a way to the internet."""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

# What the worker itself calls. Logs, metrics and failed events leave through Lambda's own side, and keys are used by
# the services that hold the records; none of them passes the VPC.
_INTERFACES = {
    "Sqs": ec2.InterfaceVpcEndpointAwsService.SQS,
    "SecretsManager": ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
}
_GATEWAYS = {
    "DynamoDb": ec2.GatewayVpcEndpointAwsService.DYNAMODB,
    "S3": ec2.GatewayVpcEndpointAwsService.S3,
}


class Endpoints(Construct):
    """The VPC endpoints of the services that the worker calls.

    Their private names hold for the whole VPC, so whatever else is in it (`cidr`) may use them as before.
    """

    def __init__(self, scope: Construct, id_: str, *, vpc: ec2.IVpc, subnets: ec2.SubnetSelection, cidr: str) -> None:
        super().__init__(scope, id_)
        self.group = ec2.SecurityGroup(
            self, "Group", vpc=vpc, description="Endpoints of the Open Dental gateway", allow_all_outbound=False
        )
        self.group.add_ingress_rule(ec2.Peer.ipv4(cidr), ec2.Port.tcp(443), "Whatever is in the VPC")
        for name, service in _INTERFACES.items():
            ec2.InterfaceVpcEndpoint(
                self,
                name,
                vpc=vpc,
                service=service,
                subnets=subnets,
                security_groups=[self.group],
                private_dns_enabled=True,
                open=False,
            )
        for name, gateway in _GATEWAYS.items():
            ec2.GatewayVpcEndpoint(self, name, vpc=vpc, service=gateway, subnets=[subnets])
