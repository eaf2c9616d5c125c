"""What callers meet before a function: routes, the authorizer, the gateway's own errors, the firewall, the log."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import pytest
from botocore.loaders import Loader
from hypothesis import given
from hypothesis import strategies as st

from gateway.web.params import BODY_LIMIT_BYTES
from gateway.web.problems import PROBLEMS, TYPE_PREFIX, internal_document
from infra.catalogue import FUNCTIONS, Authorizes, FunctionRow, Http, Route
from infra.openapi import openapi_body
from infra.parts.api import ACCESS_LOG_FIELDS
from infra.parts.waf import BODY_LIMIT, FREE_TEXT_PATHS, HOOK_BODY_LIMIT, HOOK_PATHS, digits_above
from infra.problems import GATEWAY_PROBLEMS, TYPE_BASE, WAF_PROBLEMS, GatewayProblem
from tests.infra.templates import Assembly, called_name, joined, mentioned

PROBLEM_MEMBERS = {"type", "title", "status", "code", "detail", "retryable"}
# What WAF lets a rule answer with (developer guide, "Supported status codes for custom responses").
WAF_STATUSES = {400, 401, 403, 404, 405, 408, 411, 413, 414, 416, 421, 429}


def uri(row: FunctionRow) -> str:
    return f"uri-of-{row.name}"


def routes() -> dict[tuple[str, str], Http]:
    return {
        (route.method.lower(), route.path): row.trigger
        for row in FUNCTIONS
        if isinstance(row.trigger, Http)
        for route in row.trigger.all_routes()
    }


def test_the_api_has_the_routes_of_the_table_and_no_others(assembly: Assembly) -> None:
    paths = assembly.body()["paths"]

    assert {(method, path) for path, operations in paths.items() for method in operations} == set(routes())


def test_the_api_stays_far_from_the_300_resources_that_api_gateway_takes() -> None:
    """One for each piece of each path, shared beginnings once."""
    pieces = [path.split("/") for _, path in routes()]

    assert len({tuple(path[: n + 1]) for path in pieces for n in range(len(path))}) < 240


def test_the_endpoints_are_spelled_as_callers_know_them() -> None:
    assert {
        ("post", "/authenticate"),
        ("delete", "/session"),
        ("get", "/patients"),
        ("get", "/patients/{id}"),
        ("post", "/patients/search"),
        ("get", "/appointments"),
        ("get", "/appointments/{id}"),
        ("post", "/create_appointment"),
        ("get", "/procedurelogs"),
        ("get", "/procedurelogs/{id}"),
        ("get", "/claims"),
        ("get", "/claims/{id}"),
        ("post", "/create_payment"),
        ("get", "/operations/{id}"),
    } <= set(routes())


def test_only_what_asks_for_credentials_itself_is_open_to_strangers(assembly: Assembly) -> None:
    unguarded = [
        path
        for path, operations in assembly.body()["paths"].items()
        for operation in operations.values()
        if operation["security"] != [{"bearer": []}]
    ]

    assert unguarded == ["/authenticate", "/hooks/{practice_id}/{token}", "/session"]


def test_a_revoked_key_is_refused_on_the_next_call(assembly: Assembly) -> None:
    scheme = assembly.body()["components"]["securitySchemes"]["bearer"]
    authorizer = scheme["x-amazon-apigateway-authorizer"]

    assert authorizer["authorizerResultTtlInSeconds"] == 0
    assert (authorizer["type"], authorizer["identitySource"]) == ("request", "method.request.header.Authorization")
    assert scheme["x-amazon-apigateway-authtype"] == "custom"


def test_the_body_declares_each_path_parameter_and_names_each_operation_once(assembly: Assembly) -> None:
    body = assembly.body()
    operations = [(path, operation) for path, found in body["paths"].items() for operation in found.values()]

    assert body["openapi"].startswith("3.0.")
    assert len({operation["operationId"] for _, operation in operations}) == len(operations)
    for path, operation in operations:
        assert [parameter["name"] for parameter in operation["parameters"]] == re.findall(r"{(\w+)}", path)
        assert operation["responses"]
        integration = operation["x-amazon-apigateway-integration"]
        assert (integration["type"], integration["httpMethod"]) == ("aws_proxy", "POST")


def test_the_gateway_may_call_each_function_on_its_own_routes_only(assembly: Assembly) -> None:
    granted: dict[str, set[str]] = {}
    for part, _, permission in assembly.resources("AWS::Lambda::Permission"):
        if part == "api":
            called = called_name(permission["Properties"]["FunctionName"])
            # `$` is the API's own id.
            source = joined(permission["Properties"]["SourceArn"]).rpartition(":$/")[2]
            granted.setdefault(called, set()).add(source)
    expected = {}
    for row in FUNCTIONS:
        name = name_of(assembly, row)
        if isinstance(row.trigger, Authorizes):
            expected[name] = {"authorizers/*"}
        if isinstance(row.trigger, Http):
            own = {(route.method, route.path) for route in row.trigger.all_routes()}
            others = {path for method, path in routes_of(FUNCTIONS) if (method, path) not in own}
            expected[name] = {
                f"v1/{method if path in others else '*'}/{re.sub('{.+?}', '*', path[1:])}" for method, path in own
            }

    assert granted == expected


def test_each_route_leads_to_the_function_of_its_row(assembly: Assembly) -> None:
    """Nothing else ties the API to functions in other stacks: a name that is not there answers 503."""
    body = assembly.body()
    led = {
        (method, path): called_name(operation["x-amazon-apigateway-integration"]["uri"])
        for path, operations in body["paths"].items()
        for method, operation in operations.items()
    }
    scheme = body["components"]["securitySchemes"]["bearer"]["x-amazon-apigateway-authorizer"]
    (authorizer,) = (row for row in FUNCTIONS if isinstance(row.trigger, Authorizes))

    assert led == {
        (route.method.lower(), route.path): name_of(assembly, row)
        for row in FUNCTIONS
        if isinstance(row.trigger, Http)
        for route in row.trigger.all_routes()
    }
    assert called_name(scheme["authorizerUri"]) == name_of(assembly, authorizer)


def test_a_route_is_not_served_before_the_api_may_call_its_function(assembly: Assembly) -> None:
    permissions = {name for part, name, _ in assembly.resources("AWS::Lambda::Permission") if part == "api"}

    assert permissions <= set(assembly.one("AWS::ApiGateway::Stage")["DependsOn"])


def name_of(assembly: Assembly, row: FunctionRow) -> str:
    """The name that the row's function has, if it has one of its own."""
    return str(assembly.function(row.name)[2]["Properties"].get("FunctionName"))


def routes_of(rows: Iterable[FunctionRow]) -> set[tuple[str, str]]:
    return {
        (route.method, route.path)
        for row in rows
        if isinstance(row.trigger, Http)
        for route in row.trigger.all_routes()
    }


def test_a_route_in_two_rows_is_refused() -> None:
    twice = FunctionRow(name="twice", does="", trigger=Http((Route("GET", "/patients"),)), timeout_s=1)

    with pytest.raises(ValueError, match="GET /patients is in two rows"):
        openapi_body([*FUNCTIONS, twice], title="", invocation_uri=uri)


def test_an_api_without_an_authorizer_is_refused() -> None:
    with pytest.raises(ValueError, match="exactly one authorizer"):
        openapi_body(
            [row for row in FUNCTIONS if not isinstance(row.trigger, Authorizes)], title="", invocation_uri=uri
        )


def gateway_responses(assembly: Assembly) -> dict[str, Any]:
    found: dict[str, Any] = assembly.body()["x-amazon-apigateway-gateway-responses"]
    return found


def test_no_error_of_api_gateway_keeps_its_own_shape(assembly: Assembly) -> None:
    shapes = Loader().load_service_model("apigateway", "service-2")["shapes"]

    assert set(gateway_responses(assembly)) == set(shapes["GatewayResponseType"]["enum"])


@pytest.mark.parametrize("response_type", GATEWAY_PROBLEMS)
def test_an_error_of_api_gateway_is_a_problem_document(assembly: Assembly, response_type: str) -> None:
    response = gateway_responses(assembly)[response_type]
    problem = json.loads(response["responseTemplates"]["application/json"])

    assert set(problem) == PROBLEM_MEMBERS
    assert str(problem["status"]) == response["statusCode"]
    assert problem["type"] == TYPE_BASE + problem["code"]
    assert response["responseParameters"]["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
    # Nothing of the request comes back in an error.
    assert "$" not in response["responseTemplates"]["application/json"]


@pytest.mark.parametrize(
    ("response_type", "status", "code"),
    [
        ("MISSING_AUTHENTICATION_TOKEN", 404, "not-found"),
        ("INVALID_SIGNATURE", 404, "not-found"),
        ("UNAUTHORIZED", 401, "unauthenticated"),
        ("ACCESS_DENIED", 403, "not-allowed"),
        ("REQUEST_TOO_LARGE", 413, "too-large"),
        ("THROTTLED", 429, "throttled"),
        ("AUTHORIZER_FAILURE", 503, "unavailable"),
        ("INTEGRATION_TIMEOUT", 504, "gateway-timeout"),
    ],
)
def test_an_error_says_what_the_caller_can_do(response_type: str, status: int, code: str) -> None:
    problem = GATEWAY_PROBLEMS[response_type]

    assert (problem.status, problem.code) == (status, code)


def test_the_gateway_and_the_functions_speak_the_same_words() -> None:
    """A client branches on `code`; it must not matter who noticed."""
    functions = {problem.slug: problem for problem in PROBLEMS.values()}

    assert TYPE_BASE == TYPE_PREFIX
    for problem in {**GATEWAY_PROBLEMS, **WAF_PROBLEMS}.values():
        if problem.code in functions:
            assert functions[problem.code].status == problem.status
            titles = {known.title for known in PROBLEMS.values() if known.slug == problem.code}
            assert problem.title in titles
        else:
            # What no function can notice.
            assert problem.code in {"blocked", "length-required", "gateway-timeout"}


def test_the_gateway_takes_no_body_that_the_functions_refuse_for_its_length() -> None:
    assert BODY_LIMIT_BYTES == BODY_LIMIT


def test_a_missing_token_names_the_way_to_send_one(assembly: Assembly) -> None:
    parameters = gateway_responses(assembly)["UNAUTHORIZED"]["responseParameters"]

    assert parameters["gatewayresponse.header.WWW-Authenticate"] == "'Bearer'"


@pytest.mark.parametrize("problem", {**GATEWAY_PROBLEMS, **WAF_PROBLEMS}.values(), ids=lambda problem: problem.code)
def test_what_may_be_repeated_says_when(problem: Any) -> None:
    assert problem.retryable is (problem.status in {429, 503, 504})
    assert ("Retry-After" in problem.headers) is problem.retryable


def test_the_access_log_has_the_route_and_neither_path_nor_query(assembly: Assembly) -> None:
    settings = assembly.one("AWS::ApiGateway::Stage")["Properties"]
    logged = set(json.loads(settings["AccessLogSetting"]["Format"]).values())

    assert logged == set(ACCESS_LOG_FIELDS.values())
    assert "$context.resourcePath" in logged
    for field in logged:
        assert not re.search(
            r"context\.path|querystring|requestOverride|customDomain|authorizer\.(?!principalId)", field
        )


def test_execution_logs_are_off_and_the_stage_throttles(assembly: Assembly) -> None:
    (settings,) = assembly.one("AWS::ApiGateway::Stage")["Properties"]["MethodSettings"]

    assert (settings["LoggingLevel"], settings["DataTraceEnabled"]) == ("OFF", False)
    assert settings["ThrottlingRateLimit"] > 0
    assert settings["ThrottlingBurstLimit"] > 0
    assert (settings["HttpMethod"], settings["ResourcePath"]) == ("*", "/*")


def rules(assembly: Assembly) -> dict[str, dict[str, Any]]:
    return {rule["Name"]: rule for rule in assembly.one("AWS::WAFv2::WebACL")["Properties"]["Rules"]}


def test_the_firewall_stands_before_the_api(assembly: Assembly) -> None:
    association = assembly.one("AWS::WAFv2::WebACLAssociation")["Properties"]
    ((_, stage, _),) = assembly.resources("AWS::ApiGateway::Stage")

    assert stage in mentioned(association["ResourceArn"])
    assert assembly.one("AWS::WAFv2::WebACL")["Properties"]["DefaultAction"] == {"Allow": {}}


def test_the_firewalls_log_hides_tokens_queries_and_paths(assembly: Assembly) -> None:
    redacted = assembly.one("AWS::WAFv2::LoggingConfiguration")["Properties"]["RedactedFields"]

    assert redacted == [{"SingleHeader": {"Name": "authorization"}}, {"QueryString": {}}, {"UriPath": {}}]


def test_no_request_is_sampled(assembly: Assembly) -> None:
    """Samples show whole paths and queries in the console, where the log's redaction does not reach."""
    acl = assembly.one("AWS::WAFv2::WebACL")["Properties"]
    for rule in [acl, *acl["Rules"]]:
        assert rule["VisibilityConfig"]["SampledRequestsEnabled"] is False


def test_attacks_in_bodies_are_blocked_everywhere_but_on_the_free_text_paths(assembly: Assembly) -> None:
    found = rules(assembly)
    counted = {
        override["Name"]
        for rule in found.values()
        for override in rule["Statement"].get("ManagedRuleGroupStatement", {}).get("RuleActionOverrides", ())
        if override["ActionToUse"] == {"Count": {}}
    }
    labelled, elsewhere = found["BodyAttack"]["Statement"]["AndStatement"]["Statements"]

    replaced = {"SizeRestrictions_BODY", "NoUserAgent_HEADER"}

    # An address or a path in a note is no attack, and a machine sends a block that was refused for three days.
    common = {"CrossSiteScripting_BODY", "EC2MetaDataSSRF_BODY", "GenericLFI_BODY", "GenericRFI_BODY"}
    assert counted == replaced | common | {"SQLi_BODY", "SQLiExtendedPatterns_BODY"}
    assert [entry["LabelMatchStatement"]["Key"] for entry in labelled["OrStatement"]["Statements"]] == [
        "awswaf:managed:aws:core-rule-set:CrossSiteScripting_Body",
        "awswaf:managed:aws:core-rule-set:EC2MetaDataSSRF_Body",
        "awswaf:managed:aws:core-rule-set:GenericLFI_Body",
        "awswaf:managed:aws:core-rule-set:GenericRFI_Body",
        "awswaf:managed:aws:sql-database:SQLi_Body",
        "awswaf:managed:aws:sql-database:SQLiExtendedPatterns_Body",
    ]
    assert elsewhere["NotStatement"]["Statement"]["RegexMatchStatement"]["RegexString"] == FREE_TEXT_PATHS
    # A label exists only after the group that sets it has run.
    assert found["BodyAttack"]["Priority"] == max(rule["Priority"] for rule in found.values())


@pytest.mark.parametrize("path", ["/v1/hooks/abc", "/hooks/abc", "/v1/resources/claims", "/v1/fhir/Patient", "/mcp"])
def test_free_text_is_welcome_where_other_systems_write(path: str) -> None:
    assert re.search(FREE_TEXT_PATHS, path)


@pytest.mark.parametrize("path", ["/v1/patients/search", "/create_payment", "/v1/a/hooks/b", "/v1/mcpx", "/v1/hooksx/"])
def test_free_text_is_welcome_nowhere_else(path: str) -> None:
    assert not re.search(FREE_TEXT_PATHS, path)
    assert not re.search(HOOK_PATHS, path)


@given(limit=st.integers(1, 10**8), length=st.integers(0, 10**10), zeros=st.integers(0, 3))
def test_a_limit_on_content_length_holds_to_the_byte(limit: int, length: int, zeros: int) -> None:
    pattern = re.compile(digits_above(limit))
    for number in (length, limit, limit + 1):
        assert bool(pattern.search("0" * zeros + str(number))) is (number > limit)


def test_bodies_may_have_256_kb_and_hooks_10_mb(assembly: Assembly) -> None:
    patterns = json.dumps(rules(assembly)["BodyTooLarge"]), json.dumps(rules(assembly)["HookBodyTooLarge"])

    assert (BODY_LIMIT, HOOK_BODY_LIMIT) == (262_144, 10_485_760)
    assert json.dumps(digits_above(BODY_LIMIT)) in patterns[0]
    assert json.dumps(digits_above(HOOK_BODY_LIMIT)) in patterns[1]


def test_a_long_body_cannot_hide_its_length(assembly: Assembly) -> None:
    unsaid, is_long = rules(assembly)["BodyWithoutLength"]["Statement"]["AndStatement"]["Statements"]

    assert "content-length" in json.dumps(unsaid["NotStatement"])
    assert is_long["SizeConstraintStatement"]["FieldToMatch"] == {"Body": {"OversizeHandling": "MATCH"}}


def test_the_firewall_answers_with_problem_documents(assembly: Assembly) -> None:
    acl = assembly.one("AWS::WAFv2::WebACL")["Properties"]
    answers = {
        rule["Action"]["Block"]["CustomResponse"]["CustomResponseBodyKey"]: rule["Action"]["Block"]["CustomResponse"]
        for rule in acl["Rules"]
        if "CustomResponse" in rule.get("Action", {}).get("Block", {})
    }

    assert set(answers) == set(acl["CustomResponseBodies"]) == set(WAF_PROBLEMS)
    for key, body in acl["CustomResponseBodies"].items():
        assert set(json.loads(body["Content"])) == PROBLEM_MEMBERS
        assert answers[key]["ResponseCode"] == json.loads(body["Content"])["status"]
        assert answers[key]["ResponseCode"] in WAF_STATUSES
        assert len(body["Content"]) <= 4096


def test_a_pattern_of_the_firewall_is_no_longer_than_aws_takes(assembly: Assembly) -> None:
    for found in re.findall(r'"RegexString": "((?:[^"\\]|\\.)*)"', json.dumps(rules(assembly))):
        assert len(json.loads(f'"{found}"')) <= 512


@pytest.mark.parametrize("problem", {**GATEWAY_PROBLEMS, **WAF_PROBLEMS}.values(), ids=lambda problem: problem.code)
def test_the_gateways_own_problems_have_the_order_of_all_others(problem: GatewayProblem) -> None:
    assert list(json.loads(problem.body())) == list(internal_document())
