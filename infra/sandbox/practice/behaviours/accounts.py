"""What the account module shows of a family's balances.

Source: https://www.opendental.com/site/apiaccountmodules.html. The answers repeat the patient rows' balances, which
are as old as the last aging; opening the account in the program itself would refresh them first.
"""

from __future__ import annotations

from infra.sandbox.practice.behaviours.ground import Row, money, row_of, stored_cents
from infra.sandbox.practice.handlers import Reply, Request, handles
from infra.sandbox.practice.office import Office


@handles("accountmodules.Aging")
def family_aging(office: Office, request: Request) -> Reply:
    """The family's balance by age, from its guarantor's row, and the patient's own."""
    patient = row_of(office, "patient", request.id())
    head = row_of(office, "patient", patient["Guarantor"])
    members = [row["PatNum"] for row in office.store.find("patient", {"Guarantor": head["PatNum"]})]
    unearned = office.store.find("paysplit", {"PatNum": members}, sql='"UnearnedType" <> 0')
    buckets = {name: head[name] for name in ("Bal_0_30", "Bal_31_60", "Bal_61_90", "BalOver90")}
    expected = office.store.find("claimproc", {"PatNum": patient["PatNum"], "Status": 0})
    pending = sum(stored_cents(line["InsPayEst"]) + stored_cents(line["WriteOff"]) for line in expected)
    answer: Row = {
        **buckets,
        "Total": head["BalTotal"],
        "InsEst": head["InsEst"],
        "EstBal": money(stored_cents(head["BalTotal"]) - stored_cents(head["InsEst"])),
        "PatEstBal": money(stored_cents(patient["EstBalance"]) - pending),
        "Unearned": money(sum(stored_cents(split["SplitAmt"]) for split in unearned)),
    }
    return Reply(request.operation.status, answer)


@handles("accountmodules.PatientBalances")
def patient_balances(office: Office, request: Request) -> Reply:
    """Each member's balance, and the family's under the guarantor's key."""
    patient = row_of(office, "patient", request.id())
    members = office.store.find("patient", {"Guarantor": patient["Guarantor"]})
    shown = [
        {"PatNum": row["PatNum"], "Name": f"{row['LName']}, {row['FName']}", "Balance": row["EstBalance"]}
        for row in members
    ]
    total = money(sum(stored_cents(row["EstBalance"]) for row in members))
    return Reply(
        request.operation.status, [*shown, {"PatNum": patient["Guarantor"], "Name": "Entire Family", "Balance": total}]
    )
