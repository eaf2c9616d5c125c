"""The firewall in front of the API: managed rules, our limits, and a log that tells no secrets."""

from __future__ import annotations

from collections.abc import Callable

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from infra.parts.sealed_log import SealedLog
from infra.problems import WAF_PROBLEMS
from infra.stages import Stage

# What other systems send there is not ours to shape: documents, notes and code look like attacks without being any.
# WAF sees the path with API Gateway's stage in front, or without it behind a domain of one's own.
FREE_TEXT_PATHS = r"^(/[^/]+)?/((hooks|resources|fhir)/|mcp/?$)"
HOOK_PATHS = r"^(/[^/]+)?/hooks/"

BODY_LIMIT = 256 * 1024
HOOK_BODY_LIMIT = 10 * 1024 * 1024
# What WAF looks at of a REST API's body; beyond it only Content-Length tells how long a body is.
_INSPECTED = 16 * 1024

_COMMON = "AWSManagedRulesCommonRuleSet"
_SQLI = "AWSManagedRulesSQLiRuleSet"
_BAD_INPUTS = "AWSManagedRulesKnownBadInputsRuleSet"

# Rules of the managed groups that read bodies, with the label they leave when they only count.
_BODY_RULES = {
    _COMMON: {
        "CrossSiteScripting_BODY": "awswaf:managed:aws:core-rule-set:CrossSiteScripting_Body",
        "EC2MetaDataSSRF_BODY": "awswaf:managed:aws:core-rule-set:EC2MetaDataSSRF_Body",
        "GenericLFI_BODY": "awswaf:managed:aws:core-rule-set:GenericLFI_Body",
        "GenericRFI_BODY": "awswaf:managed:aws:core-rule-set:GenericRFI_Body",
    },
    _SQLI: {
        "SQLi_BODY": "awswaf:managed:aws:sql-database:SQLi_Body",
        "SQLiExtendedPatterns_BODY": "awswaf:managed:aws:sql-database:SQLiExtendedPatterns_Body",
    },
}
# Our own limits stand in their place: theirs blocks every body over 8 kB, and clients without a User-Agent are welcome.
_REPLACED_RULES = {_COMMON: ("SizeRestrictions_BODY", "NoUserAgent_HEADER")}


_Rule = Callable[[int], waf.CfnWebACL.RuleProperty]
"""A rule that waits for its priority, which is its place in the list."""


class Waf(Construct):
    """A regional web ACL for one API stage.

    The managed groups' body rules only count, and a rule of ours blocks what they counted everywhere but on the
    free-text paths; so those paths are open to free text and to nothing else that the groups know.
    """

    def __init__(self, scope: Construct, id_: str, *, protects: str, key: kms.IKey, stage: Stage) -> None:
        super().__init__(scope, id_)
        labels = [label for rules in _BODY_RULES.values() for label in rules.values()]
        rules = [
            _block("SourceRate", _rate(stage.requests_per_source), answer="throttled"),
            _block("BodyTooLarge", _and(_not(_path(HOOK_PATHS)), _longer_than(BODY_LIMIT)), answer="too-large"),
            _block("HookBodyTooLarge", _and(_path(HOOK_PATHS), _longer_than(HOOK_BODY_LIMIT)), answer="too-large"),
            _block("BodyWithoutLength", _and(_not(_says_its_length()), _is_long()), answer="length-required"),
            *(_managed(group) for group in (_COMMON, _BAD_INPUTS, _SQLI)),
            _block("BodyAttack", _and(_or(*(_label(label) for label in labels)), _not(_path(FREE_TEXT_PATHS)))),
        ]
        self.acl = waf.CfnWebACL(
            self,
            "Acl",
            scope="REGIONAL",
            default_action=waf.CfnWebACL.DefaultActionProperty(allow={}),
            # Other stages of the account count apart.
            visibility_config=_visibility(firewall_name(stage)),
            custom_response_bodies={
                name: waf.CfnWebACL.CustomResponseBodyProperty(content=problem.body(), content_type="APPLICATION_JSON")
                for name, problem in WAF_PROBLEMS.items()
            },
            rules=[rule(priority) for priority, rule in enumerate(rules)],
        )
        waf.CfnWebACLAssociation(self, "Association", resource_arn=protects, web_acl_arn=self.acl.attr_arn)
        self._log(key, stage)

    def _log(self, key: kms.IKey, stage: Stage) -> None:
        # WAF writes only to log groups whose name begins so.
        log = SealedLog(self, "Log", key=key, stage=stage, name=f"aws-waf-logs-open-dental-gateway-{stage.name}")
        arn = cdk.Stack.of(self).format_arn(
            service="logs",
            resource="log-group",
            resource_name=log.group.log_group_name,
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        waf.CfnLoggingConfiguration(
            self,
            "Logging",
            resource_arn=self.acl.attr_arn,
            log_destination_configs=[arn],
            redacted_fields=[
                waf.CfnLoggingConfiguration.FieldToMatchProperty(single_header={"Name": "authorization"}),
                waf.CfnLoggingConfiguration.FieldToMatchProperty(query_string={}),
                # A hook's path holds its secret, others hold ids, and WAF redacts paths either all or not at all.
                # The access log has the route of every request.
                waf.CfnLoggingConfiguration.FieldToMatchProperty(uri_path={}),
            ],
        )


def _block(name: str, statement: waf.CfnWebACL.StatementProperty, *, answer: str | None = None) -> _Rule:
    """A rule that blocks what `statement` matches: with the problem called `answer`, or with API Gateway's."""
    response = None
    if answer:
        problem = WAF_PROBLEMS[answer]
        response = waf.CfnWebACL.CustomResponseProperty(
            response_code=problem.status,
            custom_response_body_key=answer,
            response_headers=[
                waf.CfnWebACL.CustomHTTPHeaderProperty(name=header, value=value)
                for header, value in problem.headers.items()
            ]
            or None,
        )
    return lambda priority: waf.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        statement=statement,
        action=waf.CfnWebACL.RuleActionProperty(block=waf.CfnWebACL.BlockActionProperty(custom_response=response)),
        visibility_config=_visibility(name),
    )


def _managed(group: str) -> _Rule:
    """AWS's rule group, with the rules that only count."""
    counted = (*_BODY_RULES.get(group, {}), *_REPLACED_RULES.get(group, ()))
    statement = waf.CfnWebACL.ManagedRuleGroupStatementProperty(
        vendor_name="AWS",
        name=group,
        rule_action_overrides=[
            waf.CfnWebACL.RuleActionOverrideProperty(
                name=rule, action_to_use=waf.CfnWebACL.RuleActionProperty(count={})
            )
            for rule in counted
        ]
        or None,
    )
    return lambda priority: waf.CfnWebACL.RuleProperty(
        name=group,
        priority=priority,
        statement=waf.CfnWebACL.StatementProperty(managed_rule_group_statement=statement),
        override_action=waf.CfnWebACL.OverrideActionProperty(none={}),
        visibility_config=_visibility(group),
    )


def digits_above(limit: int) -> str:
    """Return a regular expression for the decimal numbers greater than `limit`, and for no others.

    WAF compares a header's text but not the number in it, so the limit on Content-Length is said in digits.
    """
    digits = str(limit)
    # Longer than the limit, or equal to it up to one digit and greater there.
    alternatives = [rf"[1-9]\d{{{len(digits)},}}"]
    for position, digit in enumerate(digits):
        if digit != "9":
            rest = len(digits) - position - 1
            alternatives.append(digits[:position] + f"[{int(digit) + 1}-9]" + (rf"\d{{{rest}}}" if rest else ""))
    return f"^0*({'|'.join(alternatives)})$"


def firewall_name(stage: Stage) -> str:
    """What CloudWatch calls the stage's firewall (`WebACL`)."""
    return f"open-dental-gateway-{stage.name}"


def _visibility(name: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    # Sampled requests keep paths and query strings for three hours where the log's redaction does not reach.
    return waf.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False
    )


_CONTENT_LENGTH = waf.CfnWebACL.FieldToMatchProperty(single_header={"Name": "content-length"})
_PLAIN = [waf.CfnWebACL.TextTransformationProperty(priority=0, type="NONE")]


def _rate(limit: int) -> waf.CfnWebACL.StatementProperty:
    return waf.CfnWebACL.StatementProperty(
        rate_based_statement=waf.CfnWebACL.RateBasedStatementProperty(
            aggregate_key_type="IP", limit=limit, evaluation_window_sec=300
        )
    )


def _regex(field: waf.CfnWebACL.FieldToMatchProperty, pattern: str) -> waf.CfnWebACL.StatementProperty:
    return waf.CfnWebACL.StatementProperty(
        regex_match_statement=waf.CfnWebACL.RegexMatchStatementProperty(
            field_to_match=field, regex_string=pattern, text_transformations=_PLAIN
        )
    )


def _path(pattern: str) -> waf.CfnWebACL.StatementProperty:
    return _regex(waf.CfnWebACL.FieldToMatchProperty(uri_path={}), pattern)


def _longer_than(limit: int) -> waf.CfnWebACL.StatementProperty:
    return _regex(_CONTENT_LENGTH, digits_above(limit))


def _says_its_length() -> waf.CfnWebACL.StatementProperty:
    return _regex(_CONTENT_LENGTH, r"^\d+$")


def _is_long() -> waf.CfnWebACL.StatementProperty:
    return waf.CfnWebACL.StatementProperty(
        size_constraint_statement=waf.CfnWebACL.SizeConstraintStatementProperty(
            field_to_match=waf.CfnWebACL.FieldToMatchProperty(
                body=waf.CfnWebACL.BodyProperty(oversize_handling="MATCH")
            ),
            comparison_operator="GE",
            size=_INSPECTED,
            text_transformations=_PLAIN,
        )
    )


def _label(label: str) -> waf.CfnWebACL.StatementProperty:
    return waf.CfnWebACL.StatementProperty(
        label_match_statement=waf.CfnWebACL.LabelMatchStatementProperty(scope="LABEL", key=label)
    )


def _not(statement: waf.CfnWebACL.StatementProperty) -> waf.CfnWebACL.StatementProperty:
    return waf.CfnWebACL.StatementProperty(not_statement=waf.CfnWebACL.NotStatementProperty(statement=statement))


def _and(*statements: waf.CfnWebACL.StatementProperty) -> waf.CfnWebACL.StatementProperty:
    return waf.CfnWebACL.StatementProperty(
        and_statement=waf.CfnWebACL.AndStatementProperty(statements=list(statements))
    )


def _or(*statements: waf.CfnWebACL.StatementProperty) -> waf.CfnWebACL.StatementProperty:
    return waf.CfnWebACL.StatementProperty(or_statement=waf.CfnWebACL.OrStatementProperty(statements=list(statements)))
