"""What a step can ask for: every request of the API that takes a token, by a name.

`{family}.{list|get|create|update|delete}`, and where a path says more than its family, that: `slots.hold`. A test holds
the table to the routes that are deployed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_PARAM: Final = re.compile(r"{(\w+)}")


@dataclass(frozen=True, slots=True)
class Action:
    """A request: its method, its path, the function that answers it."""

    do: str
    method: str
    path: str
    function: str

    @property
    def params(self) -> tuple[str, ...]:
        """What its path has to be filled with."""
        return tuple(_PARAM.findall(self.path))

    @property
    def reads(self) -> bool:
        """Whether it changes nothing, so that it takes no key."""
        return self.method == "GET" or self.do.endswith((".search", ".search_by_body"))


_ROWS: Final = (
    ("adjustments.get", "GET", "/adjustments/{id}", "adjustments"),
    ("adjustments.list", "GET", "/adjustments", "adjustments"),
    ("allergies.get", "GET", "/allergies/{id}", "allergies"),
    ("allergies.list", "GET", "/allergies", "allergies"),
    ("appointment_types.get", "GET", "/appointment_types/{id}", "appointment_types"),
    ("appointment_types.list", "GET", "/appointment_types", "appointment_types"),
    ("appointments.create", "POST", "/appointments", "create_appointment"),
    ("appointments.get", "GET", "/appointments/{id}", "appointments"),
    ("appointments.list", "GET", "/appointments", "appointments"),
    ("appointments.update", "PATCH", "/appointments/{id}", "update_appointment"),
    ("audiences.create", "POST", "/audiences", "audiences"),
    ("audiences.delete", "DELETE", "/audiences/{id}", "audiences"),
    ("audiences.export", "GET", "/audiences/{id}/export", "audiences"),
    ("audiences.get", "GET", "/audiences/{id}", "audiences"),
    ("audiences.people", "GET", "/audiences/{id}/people", "audiences"),
    ("audit.disclosures", "GET", "/audit/disclosures", "audit"),
    ("audit.list", "GET", "/audit", "audit"),
    ("balances.get", "GET", "/balances/{id}", "balances"),
    ("balances.list", "GET", "/balances", "balances"),
    ("carriers.get", "GET", "/carriers/{id}", "carriers"),
    ("carriers.list", "GET", "/carriers", "carriers"),
    ("claims.create", "POST", "/claims", "write_claim"),
    ("claims.get", "GET", "/claims/{id}", "claims"),
    ("claims.list", "GET", "/claims", "claims"),
    ("claims.update", "PATCH", "/claims/{id}", "write_claim"),
    ("communications.create", "POST", "/communications", "write_communication"),
    ("communications.get", "GET", "/communications/{id}", "communications"),
    ("communications.list", "GET", "/communications", "communications"),
    ("conditions.get", "GET", "/conditions/{id}", "conditions"),
    ("conditions.list", "GET", "/conditions", "conditions"),
    ("coverages.get", "GET", "/coverages/{id}", "coverages"),
    ("coverages.list", "GET", "/coverages", "coverages"),
    ("day.get", "GET", "/day", "day"),
    ("definitions.get", "GET", "/definitions/{id}", "definitions"),
    ("definitions.list", "GET", "/definitions", "definitions"),
    ("documents.content", "GET", "/documents/{id}/content", "documents"),
    ("documents.get", "GET", "/documents/{id}", "documents"),
    ("documents.list", "GET", "/documents", "documents"),
    ("events.get", "GET", "/events/{id}", "events"),
    ("events.list", "GET", "/events", "events"),
    ("fhir.metadata", "GET", "/fhir/R4/metadata", "fhir"),
    ("fhir.read", "GET", "/fhir/R4/{type}/{id}", "fhir"),
    ("fhir.search", "GET", "/fhir/R4/{type}", "fhir"),
    ("fhir.search_by_body", "POST", "/fhir/R4/{type}/_search", "fhir"),
    ("groups.create", "POST", "/groups", "groups"),
    ("groups.delete", "DELETE", "/groups/{id}", "groups"),
    ("groups.get", "GET", "/groups/{id}", "groups"),
    ("groups.list", "GET", "/groups", "groups"),
    ("groups.update", "PATCH", "/groups/{id}", "groups"),
    ("health.get", "GET", "/health", "health"),
    ("intakes.approve", "POST", "/intakes/{id}/approve", "decide_intake"),
    ("intakes.dismiss", "POST", "/intakes/{id}/dismiss", "decide_intake"),
    ("intakes.get", "GET", "/intakes/{id}", "intakes"),
    ("intakes.list", "GET", "/intakes", "intakes"),
    ("locations.get", "GET", "/locations/{id}", "locations"),
    ("locations.list", "GET", "/locations", "locations"),
    ("medications.get", "GET", "/medications/{id}", "medications"),
    ("medications.list", "GET", "/medications", "medications"),
    ("message_rules.create", "POST", "/message_rules", "message_rules"),
    ("message_rules.delete", "DELETE", "/message_rules/{id}", "message_rules"),
    ("message_rules.get", "GET", "/message_rules/{id}", "message_rules"),
    ("message_rules.list", "GET", "/message_rules", "message_rules"),
    ("message_rules.update", "PATCH", "/message_rules/{id}", "message_rules"),
    ("messages.claim", "POST", "/messages/{id}/claim", "messages"),
    ("messages.get", "GET", "/messages/{id}", "messages"),
    ("messages.list", "GET", "/messages", "messages"),
    ("messages.outcomes", "POST", "/messages/{id}/outcomes", "messages"),
    ("operations.get", "GET", "/operations/{id}", "operations"),
    ("operatories.get", "GET", "/operatories/{id}", "operatories"),
    ("operatories.list", "GET", "/operatories", "operatories"),
    ("patients.360", "GET", "/patients/{id}/360", "patient_360"),
    ("patients.create", "POST", "/patients", "write_patient"),
    ("patients.get", "GET", "/patients/{id}", "patients"),
    ("patients.list", "GET", "/patients", "patients"),
    ("patients.search", "POST", "/patients/search", "patients"),
    ("patients.update", "PATCH", "/patients/{id}", "write_patient"),
    ("payment_plans.get", "GET", "/payment_plans/{id}", "payment_plans"),
    ("payment_plans.list", "GET", "/payment_plans", "payment_plans"),
    ("payments.create", "POST", "/payments", "create_payment"),
    ("payments.get", "GET", "/payments/{id}", "payments"),
    ("payments.list", "GET", "/payments", "payments"),
    ("perio_exams.get", "GET", "/perio_exams/{id}", "perio_exams"),
    ("perio_exams.list", "GET", "/perio_exams", "perio_exams"),
    ("practices.baa", "GET", "/practices/{id}/baa", "practice_baa"),
    ("practices.baa.create", "POST", "/practices/{id}/baa", "practice_baa"),
    ("practices.baa.delete", "DELETE", "/practices/{id}/baa", "practice_baa"),
    ("practices.capabilities", "GET", "/practices/{id}/capabilities", "practices"),
    ("practices.get", "GET", "/practices/{id}", "practices"),
    ("practices.health", "GET", "/practices/{id}/health", "health"),
    ("practices.create", "POST", "/practices", "onboard_practice"),
    ("practices.delete", "DELETE", "/practices/{id}", "offboard_practice"),
    ("practices.erasure_certificate", "GET", "/practices/{id}/erasure_certificate", "offboard_practice"),
    ("practices.erasure_certificate.verify", "POST", "/practices/{id}/erasure_certificate/verify", "offboard_practice"),
    ("practices.list", "GET", "/practices", "practices"),
    ("practices.onboarding", "GET", "/practices/{id}/onboarding", "onboard_practice"),
    ("practices.onboarding.update", "PATCH", "/practices/{id}/onboarding", "onboard_practice"),
    ("practices.removal", "GET", "/practices/{id}/removal", "offboard_practice"),
    ("practices.removal.update", "PATCH", "/practices/{id}/removal", "offboard_practice"),
    ("practices.rotations.create", "POST", "/practices/{id}/rotations", "rotations"),
    ("practices.rotations.delete", "DELETE", "/practices/{id}/rotations/{rotation_id}", "rotations"),
    ("practices.rotations.get", "GET", "/practices/{id}/rotations/{rotation_id}", "rotations"),
    ("practices.rotations.list", "GET", "/practices/{id}/rotations", "rotations"),
    ("practices.sync", "GET", "/practices/{id}/sync", "practices"),
    ("practices.sync.update", "PATCH", "/practices/{id}/sync", "practices"),
    ("practices.update", "PATCH", "/practices/{id}", "change_practice"),
    ("procedure_codes.get", "GET", "/procedure_codes/{id}", "procedure_codes"),
    ("procedure_codes.list", "GET", "/procedure_codes", "procedure_codes"),
    ("procedures.create", "POST", "/procedures", "write_procedure"),
    ("procedures.get", "GET", "/procedures/{id}", "procedurelogs"),
    ("procedures.list", "GET", "/procedures", "procedurelogs"),
    ("procedures.update", "PATCH", "/procedures/{id}", "write_procedure"),
    ("providers.get", "GET", "/providers/{id}", "providers"),
    ("providers.list", "GET", "/providers", "providers"),
    ("recall_types.get", "GET", "/recall_types/{id}", "recall_types"),
    ("recall_types.list", "GET", "/recall_types", "recall_types"),
    ("recalls.get", "GET", "/recalls/{id}", "recalls"),
    ("recalls.list", "GET", "/recalls", "recalls"),
    ("recalls.update", "PATCH", "/recalls/{id}", "write_recall"),
    ("resources.create", "POST", "/resources/{resource}", "resources"),
    ("resources.create_action", "POST", "/resources/{resource}/{key}/{action}", "resources"),
    ("resources.create_under", "POST", "/resources/{resource}/{key}", "resources"),
    ("resources.delete", "DELETE", "/resources/{resource}/{key}", "resources"),
    ("resources.delete_action", "DELETE", "/resources/{resource}/{key}/{action}", "resources"),
    ("resources.delete_all", "DELETE", "/resources/{resource}", "resources"),
    ("resources.directory", "GET", "/resources", "resources"),
    ("resources.get", "GET", "/resources/{resource}/{key}", "resources"),
    ("resources.get_action", "GET", "/resources/{resource}/{key}/{action}", "resources"),
    ("resources.list", "GET", "/resources/{resource}", "resources"),
    ("resources.update", "PATCH", "/resources/{resource}/{key}", "resources"),
    ("resources.update_action", "PATCH", "/resources/{resource}/{key}/{action}", "resources"),
    ("resources.update_all", "PATCH", "/resources/{resource}", "resources"),
    ("schedules.get", "GET", "/schedules/{id}", "schedules"),
    ("schedules.list", "GET", "/schedules", "schedules"),
    ("slots.hold", "POST", "/slots/hold", "hold_slot"),
    ("slots.let_go", "DELETE", "/slots/hold/{id}", "hold_slot"),
    ("slots.list", "GET", "/slots", "slots"),
    ("slots.next_available", "GET", "/slots/next_available", "slots"),
    ("task_lists.get", "GET", "/task_lists/{id}", "task_lists"),
    ("task_lists.list", "GET", "/task_lists", "task_lists"),
    ("tasks.get", "GET", "/tasks/{id}", "tasks"),
    ("tasks.list", "GET", "/tasks", "tasks"),
    ("treatment_plans.get", "GET", "/treatment_plans/{id}", "treatment_plans"),
    ("treatment_plans.list", "GET", "/treatment_plans", "treatment_plans"),
    ("webhooks.approve", "POST", "/webhooks/{id}/approve", "webhooks"),
    ("webhooks.create", "POST", "/webhooks", "webhooks"),
    ("webhooks.delete", "DELETE", "/webhooks/{id}", "webhooks"),
    ("webhooks.deliveries", "GET", "/webhooks/{id}/deliveries", "webhooks"),
    ("webhooks.get", "GET", "/webhooks/{id}", "webhooks"),
    ("webhooks.list", "GET", "/webhooks", "webhooks"),
    ("webhooks.redeliver", "POST", "/webhooks/{id}/redeliver", "webhooks"),
    ("webhooks.rotate", "POST", "/webhooks/{id}/rotate", "webhooks"),
    ("webhooks.test", "POST", "/webhooks/{id}/test", "webhooks"),
    ("webhooks.update", "PATCH", "/webhooks/{id}", "webhooks"),
    ("webhooks.withdraw", "POST", "/webhooks/{id}/withdraw", "webhooks"),
)  # fmt: skip

ACTIONS: Final = {row[0]: Action(*row) for row in _ROWS}
