"""Keys as a replicated office has them: random, of 19 digits, larger than any float can tell apart."""

from collections import defaultdict
from random import Random

from infra.sandbox.practice import facts
from infra.sandbox.practice.seeding.rows import KEYS, Rows

# References that the catalogue does not tell of: columns the API hides, and those that point to several tables.
_UNTOLD = {
    "claim": {"ClinicNum": "clinic"},
    "patient": {"BillingType": "definition"},
    "patientlink": {"PatNumFrom": "patient", "PatNumTo": "patient"},
    "payplancharge": {"FKey": "procedurelog"},
    "payplanlink": {"FKey": "procedurelog"},
    "procgroupitem": {"ProcNum": "procedurelog", "GroupNum": "procedurelog"},
    "task": {"KeyNum": "patient"},
}
PREFERENCES = {
    "definition": (
        "PracticeDefaultBillType",
        "AppointmentTimeArrivedTrigger",
        "AppointmentTimeSeatedTrigger",
        "AppointmentTimeDismissedTrigger",
        "ApptEConfirmStatusSent",
        "ApptEConfirmStatusAccepted",
        "ApptEConfirmStatusDeclined",
        "ApptEConfirmStatusSendFailed",
        "ApptConfirmExcludeESend",
        "ApptConfirmExcludeEConfirm",
        "ApptConfirmExcludeERemind",
        "ApptConfirmExcludeEThankYou",
        "PrepaymentUnearnedType",
        "TpUnearnedType",
        "ApiPaymentType",
    ),
    "provider": ("PracticeDefaultProv",),
    "clinic": ("TextingDefaultClinicNum",),
    "recalltype": (
        "RecallTypesShowingInList",
        "RecallTypeSpecialProphy",
        "RecallTypeSpecialChildProphy",
        "RecallTypeSpecialPerio",
    ),
}
"""Preferences whose text is a key, or keys with commas, by the table they point to."""


def references() -> dict[str, dict[str, str]]:
    """Column -> table it points to, for each table of a seeded practice."""
    found: dict[str, dict[str, str]] = {table: dict(_UNTOLD.get(table, {})) for table in KEYS}
    for resource in facts.resources().values():
        for field in resource.fields:
            table, _, column = (field.ref or "").partition(".")
            if resource.table in KEYS and KEYS.get(table) == column:
                found[resource.table].setdefault(field.name, table)
    # Patients' notes share the key of their patient.
    found["patientnote"]["PatNum"] = "patient"
    return found


def randomize(rows: Rows, rng: Random) -> None:
    """Give every row a random key, and every reference its row's new one."""
    new: dict[str, defaultdict[int, int]] = {
        table: defaultdict(lambda: rng.randrange(10**18, 2**63 - 1)) for table in KEYS
    }
    told = references()
    for table, listed in rows:
        columns = told[table] | ({} if table == "patientnote" else {KEYS[table]: table})
        for row in listed:
            for column, target in columns.items():
                if row.get(column, 0):
                    row[column] = new[target][row[column]]
    pointing = {name: table for table, names in PREFERENCES.items() for name in names}
    for row in rows["preference"]:
        if row["PrefName"] in pointing:
            keys = new[pointing[row["PrefName"]]]
            row["ValueString"] = ",".join(str(keys[int(part)]) for part in row["ValueString"].split(","))
