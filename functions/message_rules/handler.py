"""GET and POST /message_rules, GET, PATCH and DELETE /message_rules/{id}: by which rules patients are written to."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.engagement.control import (
    RuleChange,
    RuleInput,
    RulesQuery,
    change_rule,
    delete_rule,
    get_rule,
    list_rules,
    make_rule,
)
from gateway.web.answers import made_answer, nothing
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.web.idempotency import IdempotencyKey
from gateway.wiring.services import services

app = http_app(services)


@app.get("/message_rules")
def get_rules(query: RulesQuery, caller: Caller) -> Answer:
    """All of a practice."""
    return Answer(status=200, body=list_rules(query, caller=caller, on=services()))


@app.post("/message_rules")
def post_rule(wanted: RuleInput, key: IdempotencyKey, caller: Caller) -> Answer:
    """Make one; a repeat with the same key makes no second."""
    made = make_rule(wanted, caller=caller, key=key, on=services())
    return made_answer(made.rule, is_replayed=made.is_replayed, location="/message_rules/{id}")


@app.get("/message_rules/{id}")
def get_one(id: str, caller: Caller) -> Answer:
    """One of them."""
    return Answer(status=200, body=get_rule(id, caller=caller, on=services()))


@app.patch("/message_rules/{id}")
def patch_rule(id: str, change: RuleChange, caller: Caller) -> Answer:
    """Other hours, other words, off and on again."""
    return Answer(status=200, body=change_rule(id, change, caller=caller, on=services()))


@app.delete("/message_rules/{id}")
def delete_one(id: str, caller: Caller) -> Answer:
    """End it, and what it planned."""
    delete_rule(id, caller=caller, on=services())
    return nothing()


lambda_handler = entrypoint(app)
