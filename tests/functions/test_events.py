"""Every recorded event is answered as its line here says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin

import pytest

from tests.fakes.gateway_events import Context
from tests.fakes.living import LivingServices

EVENTS = Path(__file__).parents[2] / "events" / "functions"


class Expected(NamedTuple):
    """The status; for a problem its code and param; headers and members that the answer has (None: has not)."""

    status: int
    code: str | None = None
    param: str | None = None
    headers: Mapping[str, str | None] = {}
    body: Mapping[str, Any] = {}


NO_STORE = {"Cache-Control": "no-store"}
ASYNC = {"Preference-Applied": "respond-async"}
PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Authorization", "RateLimit-Policy": '"practice";q=1;w=1'}
FHIR = {"Content-Type": "application/fhir+json"}
OUTCOME = {"resourceType": "OperationOutcome"}
A_BUNDLE = {"resourceType": "Bundle", "type": "searchset", "total": 1}
A_LIST = {"has_more": False, "next_cursor": None}

EXPECTED: dict[str, Expected] = {
    "authenticate/connect_a_practice": Expected(200, headers=NO_STORE, body={"token_type": "Bearer"}),
    "authenticate/unknown_practice_without_a_client": Expected(403, "practice-not-enrolled"),
    "authenticate/no_time_zone": Expected(400, "invalid", "time_zone"),
    "authenticate/wrong_keys": Expected(409, "key-refused", "customer_key"),
    "authenticate/unknown_credential": Expected(401, "unauthenticated"),
    "authenticate/respond_async": Expected(202, headers=ASYNC, body={"state": "queued"}),
    "authenticate/key_of_a_wrong_type": Expected(400, "invalid", "customer_key"),
    "authenticate/form_instead_of_json": Expected(415, "unsupported-media-type", "Content-Type"),
    "session/end": Expected(204),
    "session/end_without_a_token": Expected(401, "unauthenticated"),
    "session/wrong_method": Expected(405, "method-not-allowed", headers={"Allow": "DELETE"}),
    "change_practice/first_way_again": Expected(409, "conflict", "fallback.base_url"),
    "change_practice/local": Expected(400, "invalid", "fallback.mode"),
    "change_practice/no_fallback": Expected(200, body={"kind": "practices.fallback", "state": "succeeded"}),
    "change_practice/nothing": Expected(400, "invalid", "body"),
    "practices/list": Expected(200, body={"has_more": False, "next_cursor": None}),
    "practices/get": Expected(200, body={"time_zone": "America/Chicago"}),
    "practices/get_of_another_client": Expected(404, "not-found"),
    "practices/capabilities": Expected(200, body={"mode": "remote", "queries": "not-allowed", "as_of": None}),
    "onboard_practice/connect_and_do_not_wait": Expected(202, body={"state": "pending", "mode": "remote"}),
    "onboard_practice/modes_in_a_wrong_order": Expected(400, "invalid", "modes"),
    "onboard_practice/without_a_key": Expected(400, "idempotency-key-missing", "Idempotency-Key"),
    "onboard_practice/get_what_is_not_there": Expected(404, "not-found"),
    "onboard_practice/take_a_step_of_none": Expected(404, "not-found"),
    "offboard_practice/begin": Expected(202, body={"state": "running", "not_done": []}),
    "offboard_practice/begin_without_its_id": Expected(400, "invalid", "confirm"),
    "offboard_practice/get_what_is_not_there": Expected(404, "not-found"),
    "offboard_practice/take_a_step_of_none": Expected(404, "not-found"),
    "offboard_practice/certificate_of_a_practice_that_is_there": Expected(404, "not-found"),
    "offboard_practice/verify_what_nobody_signed": Expected(200, body={"valid": False, "certificate": None}),
    "rotations/list": Expected(200, body={"data": [], "has_more": False, "next_cursor": None}),
    "rotations/begin": Expected(201, body={"state": "requested", "key_from": "request", "customer_key": None}),
    "rotations/begin_without_a_key": Expected(400, "idempotency-key-missing", "Idempotency-Key"),
    "rotations/get_what_is_not_there": Expected(404, "not-found"),
    "rotations/cancel_what_is_not_there": Expected(404, "not-found"),
    "change_practice/allow_calls": Expected(200, body={"time_zone": "America/Chicago"}),
    "change_practice/stop_calls": Expected(200, body={"time_zone": "America/Chicago"}),
    "practices/sync": Expected(200, body={"state": "off", "stale": []}),
    "practices/turn_on": Expected(200, body={"state": "on", "phase": "loading"}),
    "practices/queries_off": Expected(200, body={"state": "off", "phase": "off"}),
    "practices/machine_that_tells": Expected(200, body={"state": "off"}),
    "practices/native_events_on": Expected(200, body={"state": "on", "phase": "loading"}),
    "practices/native_events_without_a_mirror": Expected(409, "conflict", "native_events"),
    "practices/pause_what_is_off": Expected(409, "conflict", "state"),
    "practices/state_that_is_none": Expected(400, "invalid", "state"),
    "health/deployment": Expected(200, body={"status": "degraded"}),
    "health/practice": Expected(200, body={"status": "ok", "problems": []}),
    "health/practice_of_another_client": Expected(404, "not-found"),
    "events/list": Expected(200, body=A_LIST | {"data": []}),
    "events/list_of_a_type_that_is_none": Expected(400, "invalid", "type"),
    "events/keep_up": Expected(200, body={"data": [], "has_more": False}),
    "events/get_what_is_not_there": Expected(404, "not-found"),
    "hooks/visit_that_moved": Expected(200, headers=NO_STORE),
    "hooks/headers_in_lower_case": Expected(200, headers=NO_STORE),
    "hooks/patient_in_base64": Expected(200, headers=NO_STORE),
    "hooks/no_key": Expected(404, "not-found"),
    "hooks/another_key": Expected(404, "not-found"),
    "hooks/another_path": Expected(404, "not-found"),
    "hooks/practice_that_is_none": Expected(404, "not-found"),
    "practice_baa/get": Expected(200, body={"state": "current", "is_open": True, "days_left": None}),
    "practice_baa/get_of_another_client": Expected(404, "not-found"),
    "practice_baa/record": Expected(201, headers=NO_STORE, body={"state": "current", "days_left": 363}),
    "practice_baa/record_without_a_key": Expected(400, "idempotency-key-missing", "Idempotency-Key"),
    "practice_baa/record_what_is_not_signed_yet": Expected(400, "invalid", "signed_on"),
    "practice_baa/record_what_ends_before_it_begins": Expected(400, "invalid", "expires_on"),
    "practice_baa/close": Expected(204),
    "reconciliation/list": Expected(200, body=A_LIST | {"data": []}),
    "reconciliation/list_of_no_such_kind": Expected(400, "invalid", "kind"),
    "reconciliation/get_what_is_not_there": Expected(404, "not-found"),
    "reconciliation/aging_before_the_first_run": Expected(200, body=A_LIST | {"data": []}),
    "reconciliation/journal_before_the_first_run": Expected(404, "not-found"),
    "reconciliation/journal_of_too_many_days": Expected(400, "invalid", "date_to"),
    "workflows/start": Expected(202, headers=NO_STORE, body={"workflow": "book", "state": "running", "steps": []}),
    "workflows/start_of_an_unknown_workflow": Expected(400, "invalid", "workflow"),
    "workflows/start_without_a_key": Expected(400, "idempotency-key-missing", "Idempotency-Key"),
    "workflows/start_at_another_practice": Expected(404, "not-found"),
    "workflows/list": Expected(200, body=A_LIST | {"data": []}),
    "workflows/get_what_is_not_there": Expected(404, "not-found"),
    "workflows/restart_what_is_not_there": Expected(404, "not-found"),
    "workflows/stop_what_is_not_there": Expected(404, "not-found"),
    "exports/start": Expected(202, headers=NO_STORE, body={"mode": "snapshot", "state": "running"}),
    "exports/start_of_all": Expected(202, headers=NO_STORE, body={"mode": "incremental", "state": "running"}),
    "exports/start_without_a_key": Expected(400, "idempotency-key-missing", "Idempotency-Key"),
    "exports/start_with_a_practice_of_somebody_else": Expected(404, "not-found", "practice_ids"),
    "exports/start_of_an_unknown_object": Expected(400, "invalid", "objects"),
    "exports/list": Expected(200, body=A_LIST | {"data": []}),
    "exports/get_what_is_not_there": Expected(404, "not-found"),
    "exports/files_of_what_is_not_there": Expected(404, "not-found"),
    "message_rules/list": Expected(200, body=A_LIST | {"data": []}),
    "message_rules/make": Expected(201, body={"kind": "reminder", "state": "on"}),
    "message_rules/make_with_an_unknown_field": Expected(400, "invalid", "texts"),
    "message_rules/make_without_a_key": Expected(400, "idempotency-key-missing", "Idempotency-Key"),
    "message_rules/get_what_is_not_there": Expected(404, "not-found"),
    "message_rules/change_what_is_not_there": Expected(404, "not-found"),
    "message_rules/delete_what_is_not_there": Expected(404, "not-found"),
    "messages/list": Expected(200, body=A_LIST | {"data": []}),
    "messages/list_of_an_unknown_state": Expected(400, "invalid", "state"),
    "messages/get_what_is_not_there": Expected(404, "not-found"),
    "messages/claim_what_is_not_there": Expected(404, "not-found"),
    "messages/claim_without_a_key": Expected(400, "idempotency-key-missing", "Idempotency-Key"),
    "messages/outcome_of_what_is_not_there": Expected(404, "not-found"),
    "messages/outcome_with_an_address": Expected(400, "invalid", "provider_message_id"),
    "groups/list": Expected(200, body=A_LIST | {"data": []}),
    "groups/make_with_a_practice_of_somebody_else": Expected(404, "not-found", "practice_ids"),
    "groups/make_without_a_key": Expected(400, "idempotency-key-missing", "Idempotency-Key"),
    "groups/make_of_one_practice": Expected(400, "invalid", "practice_ids"),
    "groups/get_what_is_not_there": Expected(404, "not-found"),
    "groups/change_what_is_not_there": Expected(404, "not-found"),
    "groups/delete_what_is_not_there": Expected(404, "not-found"),
    "audiences/ask_without_a_mirror": Expected(409, "conflict"),
    "audiences/ask_without_a_key": Expected(400, "idempotency-key-missing", "Idempotency-Key"),
    "audiences/ask_for_nothing": Expected(400, "invalid", "filter"),
    "audiences/get_what_is_not_there": Expected(404, "not-found"),
    "audiences/people_of_what_is_not_there": Expected(404, "not-found"),
    "audiences/export_what_is_not_there": Expected(404, "not-found"),
    "audiences/delete_what_is_not_there": Expected(404, "not-found"),
    "intakes/list": Expected(200, headers=PRIVATE, body=A_LIST),
    "intakes/list_without_a_patient": Expected(422, "filter-too-wide"),
    "intakes/get": Expected(200, headers=PRIVATE, body={"form": "patient_form", "state": "open"}),
    "intakes/get_what_is_not_there": Expected(404, "not-found"),
    "decide_intake/approve_without_a_person": Expected(400, "invalid", "On-Behalf-Of"),
    "decide_intake/approve_nothing": Expected(400, "invalid", "fields"),
    "decide_intake/dismiss": Expected(200, body={"state": "dismissed", "decided_by": "u-77"}),
    "webhooks/list": Expected(200, body=A_LIST | {"data": []}),
    "webhooks/make": Expected(201, headers=NO_STORE, body={"state": "enabled", "types": ["appointment.*"]}),
    "webhooks/make_without_a_key": Expected(400, "idempotency-key-missing", "Idempotency-Key"),
    "webhooks/make_of_an_unknown_type": Expected(400, "invalid", "types"),
    "webhooks/make_with_a_password": Expected(400, "invalid", "url"),
    "webhooks/get_what_is_not_there": Expected(404, "not-found"),
    "webhooks/change_what_is_not_there": Expected(404, "not-found"),
    "webhooks/delete_what_is_not_there": Expected(404, "not-found"),
    "webhooks/rotate_what_is_not_there": Expected(404, "not-found"),
    "webhooks/test_what_is_not_there": Expected(404, "not-found"),
    "webhooks/approve_without_the_scope": Expected(403, "scope-missing"),
    "webhooks/approve_without_a_reference": Expected(400, "invalid", "baa_reference"),
    "webhooks/withdraw_without_the_scope": Expected(403, "scope-missing"),
    "webhooks/deliveries_of_an_unknown_state": Expected(400, "invalid", "state"),
    "webhooks/redeliver_nothing_named": Expected(400, "invalid", "event_id"),
    "patients/across_without_a_group": Expected(403, "no-group"),
    "patients/across_by_a_name_alone": Expected(422, "filter-too-wide"),
    "patient_360/across_without_a_group": Expected(403, "no-group"),
    "patients/list_by_name": Expected(200, headers=PRIVATE, body=A_LIST),
    "patients/list_by_birth_date_and_status": Expected(200, headers=PRIVATE, body=A_LIST),
    "patients/list_nothing_bounds": Expected(422, "filter-too-wide"),
    "patients/unknown_parameter": Expected(400, "invalid", "lastname"),
    "patients/impossible_date": Expected(400, "invalid", "birth_date"),
    "patients/cursor_that_is_none": Expected(400, "invalid", "cursor"),
    "patients/limit_too_high": Expected(400, "invalid", "limit"),
    "patients/get": Expected(200, headers=PRIVATE, body={"birth_date": "1980-02-29"}),
    "patients/get_what_is_not_there": Expected(404, "not-found"),
    "patients/get_of_another_practice": Expected(404, "not-found"),
    "patients/get_by_an_appointments_id": Expected(404, "not-found"),
    "patients/respond_async": Expected(202, headers=ASYNC, body={"state": "queued"}),
    "patients/head": Expected(200, headers=PRIVATE),
    "patients/search": Expected(200, headers=PRIVATE, body=A_LIST),
    "patients/search_by_an_unknown_field": Expected(400, "invalid", "ssn"),
    "patients/search_with_a_broken_body": Expected(400, "body-not-json"),
    "patient_360/get": Expected(200, headers=PRIVATE),
    "patient_360/unknown_section": Expected(400, "invalid", "sections"),
    "day/get": Expected(200, headers=PRIVATE, body={"starts_at": "2026-03-05T06:00:00Z"}),
    "day/dry_run": Expected(200, headers={"Cache-Control": "private, no-cache"}, body={"visits": None}),
    "day/no_date": Expected(400, "invalid", "date"),
    "day/unknown_section": Expected(400, "invalid", "sections"),
    "appointments/list_of_a_patient": Expected(200, headers=PRIVATE, body=A_LIST),
    "appointments/list_of_a_week": Expected(200, headers=PRIVATE, body=A_LIST),
    "appointments/list_of_a_year": Expected(422, "filter-too-wide"),
    "appointments/patient_of_another_practice": Expected(404, "not-found", "patient_id"),
    "appointments/get": Expected(200, headers=PRIVATE, body={"local_start": "2026-03-05T09:00:00"}),
    "procedurelogs/list_of_a_patient": Expected(200, headers=PRIVATE, body=A_LIST),
    "procedurelogs/list_nothing_bounds": Expected(422, "filter-too-wide"),
    "procedurelogs/get": Expected(200, headers=PRIVATE, body={"status": "planned"}),
    "claims/list_of_a_patient": Expected(200, headers=PRIVATE, body=A_LIST),
    "claims/list_of_an_unknown_status": Expected(400, "invalid", "status"),
    "claims/get": Expected(200, headers=PRIVATE, body={"status": "sent"}),
    "payments/list_of_a_patient": Expected(200, headers=PRIVATE, body=A_LIST),
    "payments/list_nothing_bounds": Expected(422, "filter-too-wide"),
    "payments/list_of_an_unknown_kind": Expected(400, "invalid", "kind"),
    "payments/get": Expected(200, headers=PRIVATE, body={"kind": "patient", "received_on": "2026-03-01"}),
    "adjustments/list_of_a_patient": Expected(200, headers=PRIVATE, body=A_LIST),
    "adjustments/get": Expected(200, headers=PRIVATE, body={"effect": "credit"}),
    "adjustments/get_without_its_patient": Expected(422, "filter-too-wide"),
    "payment_plans/list_of_a_patient": Expected(200, headers=PRIVATE, body=A_LIST),
    "payment_plans/get": Expected(200, headers=PRIVATE, body={"kind": "dynamic", "is_closed": False}),
    "balances/list_of_a_family": Expected(200, headers=PRIVATE, body=A_LIST),
    "balances/get": Expected(200, headers=PRIVATE),
    "coverages/list_of_a_patient": Expected(200, headers=PRIVATE, body=A_LIST),
    "coverages/get": Expected(200, headers=PRIVATE, body={"member_id": "SUB15"}),
    "providers/list": Expected(200, headers=PRIVATE, body=A_LIST),
    "locations/list": Expected(200, headers=PRIVATE, body=A_LIST),
    "slots/list": Expected(200, headers=PRIVATE, body=A_LIST),
    "slots/next_available": Expected(200, headers=PRIVATE, body={"searched_to": "2026-03-22"}),
    "slots/no_length": Expected(400, "invalid", "duration_minutes"),
    "slots/too_many_days": Expected(400, "invalid", "date_to"),
    "hold_slot/hold": Expected(201, headers=NO_STORE, body={"is_hygiene": False}),
    "hold_slot/no_key": Expected(400, "idempotency-key-missing", "Idempotency-Key"),
    "hold_slot/too_long": Expected(400, "invalid", "seconds"),
    "hold_slot/let_go_of_what_is_not_there": Expected(404, "not-found"),
    "create_appointment/hold_that_is_not_there": Expected(404, "not-found", "hold_id"),
    "operatories/list": Expected(200, headers=PRIVATE, body=A_LIST),
    "carriers/list": Expected(200, headers=PRIVATE, body=A_LIST),
    "appointment_types/list": Expected(200, headers=PRIVATE, body=A_LIST),
    "schedules/list_of_a_week": Expected(200, headers=PRIVATE, body=A_LIST),
    "schedules/list_of_a_year": Expected(422, "filter-too-wide"),
    "procedure_codes/list": Expected(200, headers=PRIVATE, body=A_LIST),
    "procedure_codes/list_of_an_area": Expected(200, headers=PRIVATE, body=A_LIST),
    "recall_types/list": Expected(200, headers=PRIVATE, body=A_LIST),
    "definitions/list": Expected(200, headers=PRIVATE, body=A_LIST),
    "definitions/list_of_a_category": Expected(200, headers=PRIVATE, body=A_LIST),
    "allergies/list_of_a_patient": Expected(200, headers=PRIVATE, body=A_LIST),
    "allergies/list_nothing_bounds": Expected(422, "filter-too-wide"),
    "medications/list_of_a_patient": Expected(200, headers=PRIVATE, body=A_LIST),
    "medications/list_nothing_bounds": Expected(422, "filter-too-wide"),
    "conditions/list_of_a_patient": Expected(200, headers=PRIVATE, body=A_LIST),
    "conditions/list_nothing_bounds": Expected(422, "filter-too-wide"),
    "communications/list_of_a_patient": Expected(200, headers=PRIVATE, body=A_LIST),
    "communications/list_nothing_bounds": Expected(422, "filter-too-wide"),
    "recalls/list_due_in_march": Expected(200, headers=PRIVATE, body=A_LIST),
    "recalls/window_that_ends_before_it_begins": Expected(400, "invalid", "due_to"),
    "tasks/list_of_a_patient": Expected(200, headers=PRIVATE, body=A_LIST),
    "tasks/list_nothing_bounds": Expected(422, "filter-too-wide"),
    "tasks/list_of_an_unknown_status": Expected(400, "invalid", "status"),
    "task_lists/list": Expected(200, headers=PRIVATE, body=A_LIST),
    "documents/list_of_a_patient": Expected(200, headers=PRIVATE, body=A_LIST),
    "documents/list_nothing_bounds": Expected(422, "filter-too-wide"),
    "documents/get": Expected(200, headers=PRIVATE, body={"extension": "pdf", "kind": "document"}),
    "documents/content": Expected(
        200, headers={**NO_STORE, "ETag": None}, body={"content_type": "application/pdf", "size_bytes": 8}
    ),
    "documents/content_respond_async": Expected(202, headers=ASYNC, body={"kind": "fetch.document_content"}),
    "documents/content_of_what_is_not_there": Expected(404, "not-found"),
    "treatment_plans/list_of_a_patient": Expected(200, headers=PRIVATE, body=A_LIST),
    "treatment_plans/list_with_procedures": Expected(200, headers=PRIVATE, body=A_LIST),
    "treatment_plans/list_of_an_unknown_status": Expected(400, "invalid", "status"),
    "perio_exams/list_of_a_patient": Expected(200, headers=PRIVATE, body=A_LIST),
    "perio_exams/list_since_march": Expected(200, headers=PRIVATE, body=A_LIST),
    "perio_exams/list_nothing_bounds": Expected(422, "filter-too-wide"),
    "providers/list_with_a_word_for_a_truth": Expected(400, "invalid", "is_hygienist"),
    "fhir/metadata": Expected(200, headers=FHIR, body={"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}),
    "fhir/read": Expected(200, headers=FHIR, body={"resourceType": "Patient", "birthDate": "1980-02-29"}),
    "fhir/read_what_is_not_there": Expected(404, headers=FHIR, body=OUTCOME),
    "fhir/search_by_family": Expected(200, headers=FHIR, body=A_BUNDLE),
    "fhir/search_by_form": Expected(200, headers=FHIR, body=A_BUNDLE),
    "fhir/search_by_an_unknown_parameter": Expected(400, headers=FHIR, body=OUTCOME),
    "fhir/search_of_a_type_that_is_not_served": Expected(404, headers=FHIR, body=OUTCOME),
    "fhir/respond_async": Expected(202, headers={**FHIR, **ASYNC}, body=OUTCOME),
    "create_appointment/book": Expected(201, body={"state": "succeeded", "kind": "appointments.create"}),
    "create_appointment/book_by_its_other_name": Expected(201, body={"state": "succeeded"}),
    "create_appointment/respond_async": Expected(202, headers=ASYNC),
    "create_appointment/no_key": Expected(400, "idempotency-key-missing", "Idempotency-Key"),
    "create_appointment/time_is_taken": Expected(409, "clash", "local_start"),
    "create_appointment/wall_time_that_does_not_exist": Expected(400, "invalid", "local_start"),
    "create_appointment/more_than_nine_hours": Expected(400, "invalid", "pattern"),
    "create_appointment/patient_of_another_practice": Expected(404, "not-found", "patient_id"),
    "create_appointment/length_as_text": Expected(400, "invalid", "duration_minutes"),
    "create_appointment/member_given_twice": Expected(400, "invalid", "note"),
    "update_appointment/new_note": Expected(200, body={"state": "succeeded", "kind": "appointments.update"}),
    "update_appointment/confirm_and_break": Expected(400, "invalid", "confirmation"),
    "update_appointment/nothing_named": Expected(400, "invalid", "body"),
    "update_appointment/no_key": Expected(400, "idempotency-key-missing", "Idempotency-Key"),
    "write_patient/add_respond_async": Expected(202, headers=ASYNC, body={"kind": "patients.create"}),
    "write_patient/add_with_a_number": Expected(400, "invalid", "ssn"),
    "write_patient/change": Expected(200, body={"state": "succeeded", "kind": "patients.update"}),
    "write_patient/change_to_no_name": Expected(400, "invalid", "name.last"),
    "write_communication/log": Expected(201, body={"state": "succeeded", "kind": "communications.create"}),
    "write_communication/no_note": Expected(400, "invalid", "note"),
    "write_recall/change_respond_async": Expected(202, headers=ASYNC, body={"kind": "recalls.update"}),
    "write_recall/nothing_named": Expected(400, "invalid", "body"),
    "write_procedure/chart_respond_async": Expected(202, headers=ASYNC, body={"kind": "procedures.create"}),
    "write_procedure/done_without_a_day": Expected(400, "invalid", "performed_on"),
    "write_procedure/change": Expected(200, body={"state": "succeeded", "kind": "procedures.update"}),
    "write_claim/bill_respond_async": Expected(202, headers=ASYNC, body={"kind": "claims.create"}),
    "write_claim/change": Expected(200, body={"state": "succeeded", "kind": "claims.update"}),
    "write_claim/sent_without_status": Expected(400, "invalid", "sent_on"),
    "create_payment/refund_respond_async": Expected(202, headers=ASYNC, body={"kind": "payments.refund"}),
    "create_payment/patient_respond_async": Expected(202, body={"state": "queued"}),
    "create_payment/allocations_do_not_add_up": Expected(400, "invalid", "allocations"),
    "create_payment/amount_as_number": Expected(400, "invalid", "amount"),
    "create_payment/unknown_kind": Expected(400, "invalid", "kind"),
    "create_payment/no_key": Expected(400, "idempotency-key-missing", "Idempotency-Key"),
    "resources/directory": Expected(200, body=A_LIST),
    "resources/list": Expected(200, headers=PRIVATE, body=A_LIST),
    "resources/get": Expected(200, headers=PRIVATE, body={"apt_date_time": "2026-03-05T09:00:00"}),
    "resources/misspelt_parameter": Expected(400, "invalid", "patnum"),
    "resources/action_of_a_row": Expected(404, "not-found", "action"),
    "resources/closed_operation": Expected(403, "operation-closed"),
    "resources/write_with_a_twin": Expected(422, "use-normalized"),
    "resources/create_without_its_scope": Expected(403, "scope-missing"),
    "resources/update_respond_async": Expected(202, headers=ASYNC, body={"state": "queued"}),
    "resources/delete_without_a_key": Expected(400, "idempotency-key-missing", "Idempotency-Key"),
    "resources/unknown_resource": Expected(404, "not-found", "resource"),
    "audit/of_a_patient": Expected(200, headers={"Cache-Control": "no-store"}, body=A_LIST),
    "audit/of_a_practice": Expected(200, body=A_LIST),
    "audit/disclosures": Expected(200, body=A_LIST),
    "audit/disclosures_of_nobody": Expected(400, "invalid", "patient_id"),
    "operations/get": Expected(200, headers={"Retry-After": "5"}, body={"kind": "appointments.create"}),
    "operations/get_what_is_not_there": Expected(404, "not-found"),
    "operations/get_of_another_client": Expected(404, "not-found"),
    "operations/unknown_parameter": Expected(400, "invalid", "expand"),
}  # fmt: skip

FILES = {f"{path.parent.name}/{path.stem}": path for path in sorted(EVENTS.glob("*/*.json"))}
BACKGROUND: dict[str, Any] = {
    "upstream_worker/turn_of_an_operation": {"batchItemFailures": []},
    "upstream_worker/turn_of_an_operation_that_is_gone": {"batchItemFailures": []},
    "upstream_worker/background_turn": {"batchItemFailures": []},
    "build_audience/step_of_what_is_not_there": {"done": True, "state": "deleted"},
    "archive_audit/read_and_intent": {"batchItemFailures": []},
    "publish_events/moved_visit": {"batchItemFailures": []},
    "deliver_webhooks/delivery_that_is_gone": {"batchItemFailures": []},
    "task/step_of_a_run_that_is_gone": {
        **{"outcome": "failed", "ok": False, "status": 400, "code": "not-found", "detail": "no such run"},
        **{"retryable": False, "retry_after_s": 1, "state": None, "operation_id": None, "count": None},
        **{"first": {}, "tries": 0, "body": {}},
    },
    "prepare_export/clock": {"run_id": None, "practices": []},
    "prepare_export/run_that_is_gone": {"run_id": None, "practices": []},
    "export_practice/practice_of_a_run_that_is_gone": {
        **{"practice_id": "prac_mvwg2llton2hezlf", "done": True, "state": "failed"},
    },
    "publish_export/run_that_is_gone": {"run_id": "exp_mfzwqllton2hezlf", "state": "failed"},
    "reconcile_practice/one_without_a_mirror": {
        **{
            "outcome": "failed",
            "code": "mirror-off",
            "retry_after_s": 60,
            "practice_id": "prac_mvwg2llton2hezlf",
            "as_of": None,
        },
        **{"opened": 0, "resolved": 0, "changed": 0, "open": 0, "missing": [], "tried": 1},
    },
    "reconcile_practice/all_of_nobody": {
        **{"outcome": "failed", "code": "unauthenticated", "retry_after_s": 60},
        **{"practice_id": None, "practice_ids": [], "count": 0},
    },
    "workflow_ends/of_a_run_that_is_gone": None,
    "erase_practice/of_a_practice_that_stays": {"outcome": "failed", "code": "not-found", "retry_after_s": 1},
    "plan_messages/moved_visit": {"added": 0, "changed": 0},
    "messages_due/part": {"told": 0, "ended": 0, "planned": 0, "failed": 0},
    "send_messages/reminder": {"sent": "off"},
    "webhook_retries/minute": {"due": 0, "not_sent": 0},
    "take_hooks/call_that_is_gone": {"batchItemFailures": []},
    "take_hooks/test_of_s3": {"batchItemFailures": []},
    "take_hooks/object_that_is_no_call": {
        "batchItemFailures": [{"itemIdentifier": "059f36b4-87a3-44ab-83d2-661975970001"}]
    },
    "tick/ticks": {"batchItemFailures": []},
    "lane/minute": {"offered": 0},
    "lane/part": {"offered": 0},
    # The operation that lies open was put less than a minute ago.
    "sweeper/minute": {"put": 0, "unknown": 0},
}
"""What the functions that nobody waits for give back."""
AUTHORIZER = {name for name in FILES if name.startswith("authorizer/")}
WELCOME = {"authorizer/known_token", "authorizer/scheme_in_lower_case"}


def handler_of(name: str) -> Callable[[Any, Any], Any]:
    function, _, _ = name.partition("/")
    handler: Callable[[Any, Any], Any] = import_module(f"functions.{function}.handler").lambda_handler
    return handler


def event_of(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(FILES[name].read_text())
    return event


def test_every_recorded_event_is_expected_and_every_expected_one_recorded() -> None:
    assert set(FILES) - AUTHORIZER == {*EXPECTED, *BACKGROUND}
    assert WELCOME <= AUTHORIZER


def test_every_function_has_recorded_events() -> None:
    functions = {path.parent.name for path in (EVENTS.parents[1] / "functions").glob("*/handler.py")}

    assert functions == {name.partition("/")[0] for name in FILES}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_recorded_event_is_answered_as_expected(name: str, on: LivingServices) -> None:
    expected, event = EXPECTED[name], event_of(name)
    answer = handler_of(name)(event, Context())
    body = json.loads(answer["body"]) if answer["body"] else {}

    assert answer["statusCode"] == expected.status, body
    if expected.code is not None:
        assert answer["headers"]["Content-Type"] == "application/problem+json"
        assert (body["code"], body.get("param"), body["status"]) == (expected.code, expected.param, expected.status)
        assert "Marker" not in answer["body"] and "Fake" not in answer["body"]
    if expected.status == 202:
        found = urljoin(event["requestContext"]["path"], answer["headers"]["Location"])
        assert re.fullmatch(r"/v1/(operations/opn|workflow_runs/run|exports/exp)_[a-z2-7]+", found)
        assert re.fullmatch(
            r"/v1/(operations/opn|workflow_runs/run|practices/prac)_[a-z2-7]+(/onboarding|/removal)?", found
        )
        assert int(answer["headers"]["Retry-After"]) >= 1
    assert {name: answer["headers"].get(name) for name in expected.headers} == expected.headers
    assert {name: body.get(name) for name in expected.body} == expected.body
    # Open Dental takes no answer but 200, and nobody reads what is in it.
    silent = expected.status == 204 or event["httpMethod"] == "HEAD" or (expected.status, name[:6]) == (200, "hooks/")
    assert bool(body) == (not silent)


@pytest.mark.parametrize("name", BACKGROUND)
def test_a_recorded_message_or_minute_is_worked_off(name: str, on: LivingServices) -> None:
    assert handler_of(name)(event_of(name), Context()) == BACKGROUND[name]


def test_a_recorded_turn_writes_its_appointment(on: LivingServices) -> None:
    handler_of("upstream_worker/x")(event_of("upstream_worker/turn_of_an_operation"), Context())
    shown = json.loads(handler_of("operations/get")(event_of("operations/get"), Context())["body"])

    assert (shown["state"], shown["result"]["local_start"]) == ("succeeded", "2026-03-09T10:00:00")


def test_recorded_ticks_become_turns(on: LivingServices) -> None:
    handler_of("tick/ticks")(event_of("tick/ticks"), Context())

    assert [(turn.operation_id, turn.attempt) for turn in on.calls.turns[-2:]] == [(None, 1), (None, 7)]


def test_a_booking_sent_again_has_the_first_answer_and_takes_one_chair(on: LivingServices) -> None:
    answers = [handler_of("create_appointment/book")(event_of("create_appointment/book"), Context()) for _ in range(2)]

    assert answers[1]["headers"].pop("Idempotent-Replayed") == "true"
    assert answers[0] == answers[1]
    assert len([one for _, one in on.office.calls if one.operation == "appointments.create"]) == 1
    made = json.loads(answers[0]["body"])["result"]["id"]
    assert answers[0]["headers"]["Location"] == f"appointments/{made}"


def test_a_refusal_sent_again_says_that_it_is_the_first_answer(on: LivingServices) -> None:
    name = "create_appointment/time_is_taken"
    first, again = (handler_of(name)(event_of(name), Context())["headers"] for _ in range(2))

    assert ("Idempotent-Replayed" in first, again.get("Idempotent-Replayed")) == (False, "true")


def test_a_key_used_for_another_booking_is_refused(on: LivingServices) -> None:
    handler, event = handler_of("create_appointment/book"), event_of("create_appointment/book")
    handler(event, Context())
    body = json.loads(event["body"]) | {"duration_minutes": 30}
    answer = handler({**event, "body": json.dumps(body)}, Context())

    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (422, "key-reused")


def test_a_list_asked_twice_is_answered_from_what_is_held(on: LivingServices) -> None:
    handler, event = handler_of("patients/list_by_name"), event_of("patients/list_by_name")
    first = handler(event, Context())
    held = {**event["multiValueHeaders"], "If-None-Match": [first["headers"]["ETag"]]}
    on.clock.seconds += 5
    again = handler({**event, "multiValueHeaders": held}, Context())

    assert (first["statusCode"], again["statusCode"], again["body"]) == (200, 304, "")
    assert int(again["headers"]["Age"]) >= 5 and "RateLimit" not in again["headers"]


READS = sorted(name for name, one in EXPECTED.items() if one.headers == PRIVATE and name != "patients/search")
"""Conditions are for GET and HEAD."""


def looked_again(name: str, etag: str, **query: str) -> dict[str, Any]:
    """The answer to the same question, asked of the practice itself with what the caller holds."""
    event = event_of(name)
    many = (event["multiValueQueryStringParameters"] or {}) | {member: [value] for member, value in query.items()}
    headers = {**event["multiValueHeaders"], "Cache-Control": ["no-cache"], "If-None-Match": [etag]}
    sent = {**event, "multiValueHeaders": headers, "multiValueQueryStringParameters": many or None}
    answer: dict[str, Any] = handler_of(name)(sent, Context())
    return answer


def ticking(on: LivingServices) -> None:
    """Have every row carry the moment of its answer, as Open Dental's do."""
    for rows in on.office.rows.values():
        for row in rows:
            row["serverDateTime"] = on.clock.now().strftime("%Y-%m-%d %H:%M:%S")


# Free times are nothing of Open Dental's, a day and a form show less of their rows: they have no row to show.
SHOWN: list[tuple[str, dict[str, str]]] = [(name, {}) for name in READS] + [
    (name, {"include": "raw"}) for name in READS if not name.startswith(("slots/", "day/", "intakes/"))
]


@pytest.mark.parametrize(("name", "query"), SHOWN)
def test_a_practice_asked_again_has_nothing_new_to_say(name: str, query: dict[str, str], on: LivingServices) -> None:
    ticking(on)
    # What the office calls things may come later than the first answer.
    looked_again(name, "none", **query)
    on.clock.seconds += 45
    ticking(on)
    first = looked_again(name, "none", **query)
    on.clock.seconds += 5
    ticking(on)
    again = looked_again(name, first["headers"]["ETag"], **query)

    assert (first["statusCode"], again["statusCode"], again["body"]) == (200, 304, "")
    assert "RateLimit" in again["headers"]


@pytest.mark.parametrize(
    ("name", "rows", "change"),
    [
        ("appointments/get", "procedurelogs", {"AptNum": 0}),
        ("claims/get", "claimprocs", {"InsPayAmt": "41.00"}),
    ],
)
def test_what_hangs_on_an_object_is_part_of_its_tag(
    name: str, rows: str, change: dict[str, Any], on: LivingServices
) -> None:
    line = {"ClaimProcNum": 81, "ClaimNum": 71, "ProcNum": 51, "PatNum": 15, "Status": "NotReceived"}
    on.office.rows["claimprocs"] = [line | {"FeeBilled": "62.00", "InsPayAmt": "0.00"}]
    first = looked_again(name, "none")
    on.office.rows[rows][0] |= change
    again = looked_again(name, first["headers"]["ETag"])

    assert (first["statusCode"], again["statusCode"]) == (200, 200)
    assert again["headers"]["ETag"] != first["headers"]["ETag"]


@pytest.mark.parametrize("name", sorted(WELCOME))
def test_a_known_token_opens_the_stage_and_tells_the_client_only(name: str, on: LivingServices) -> None:
    answer = handler_of(name)(event_of(name), Context())

    assert answer["context"] == {"client_id": "cli_ada"}
    (statement,) = answer["policyDocument"]["Statement"]
    assert statement["Effect"] == "Allow"
    assert statement["Resource"] == "arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/v1/*"


@pytest.mark.parametrize("name", sorted(AUTHORIZER - WELCOME))
def test_any_other_token_is_unauthorized_in_the_gateways_word(name: str, on: LivingServices) -> None:
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        handler_of(name)(event_of(name), Context())


def test_an_ended_session_opens_nothing_any_more(on: LivingServices) -> None:
    handler_of("session/end")(event_of("session/end"), Context())

    with pytest.raises(Exception, match=r"^Unauthorized$"):
        handler_of("authorizer/known_token")(event_of("authorizer/known_token"), Context())


def test_a_recorded_change_of_a_row_is_told_once_however_often_it_comes(on: LivingServices) -> None:
    for _ in range(2):
        handler_of("publish_events/x")(event_of("publish_events/moved_visit"), Context())

    (logged,) = on.event_log.logged.values()
    assert logged.event.type == "appointment.rescheduled"
    assert logged.event.before["local_start"] == "2026-03-09T09:00:00"
    assert logged.event.after["local_start"] == "2026-03-10T10:00:00"
    assert "Marker" not in json.dumps(logged.event.told())
