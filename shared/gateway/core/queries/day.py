"""What a day's patients have, each in one statement: who they are and owe, what covers them, what is due, what to heed.

Only columns that are older than any version of the API are named, and of enumerations only such as `raw_rows` can read.
Sources: the published database schema of patient, patplan, inssub, insplan, carrier, recall, allergy, disease and
medicationpat, and https://www.opendental.com/site/apiqueries.html.
"""

# ruff: noqa: S608 - what is joined here are texts of this file, and a Statement takes keys and times only.

from __future__ import annotations

from typing import Final

from gateway.core.queries.statement import Statement

PATIENT: Final = (  # noqa: SIM905 - one word a line would be all one sees of this file.
    "PatNum LName FName MiddleI Preferred PatStatus Gender Birthdate Address Address2 City State Zip HmPhone WkPhone "
    "WirelessPhone Guarantor Email EstBalance PriProv SecProv ChartNumber BalTotal DateFirstVisit "
    "ClinicNum Premed PreferConfirmMethod PreferContactMethod PreferRecallMethod Language DateTStamp SuperFamily "
    "TxtMsgOk"
).split()
PLACE: Final = "PatPlanNum Ordinal IsPending Relationship PatID InsSubNum".split()  # noqa: SIM905
"""Of a patient's place in an insurance (patplan)."""

SUBSCRIPTION: Final = ("Subscriber", "SubscriberID")
PLAN: Final = "GroupName GroupNum PlanType IsMedical CarrierNum".split()  # noqa: SIM905
INSURANCE: Final = ("PatNum", *PLACE, *SUBSCRIPTION, *PLAN, "CarrierName")
"""An insurance as the family module joins it: https://www.opendental.com/site/apifamilymodules.html."""

RECALL: Final = (  # noqa: SIM905
    "RecallNum PatNum DateDue DatePrevious RecallInterval RecallStatus Note IsDisabled DateTStamp RecallTypeNum "
    "DisableUntilBalance DisableUntilDate DateScheduled Priority"
).split()
FAMILY_TOTAL, FAMILY_NOTE = "FamilyTotal", "FamilyNote"
"""The guarantor's `BalTotal` and `FamFinUrgNote`, which are the family's."""


def _of(table: str, columns: list[str] | tuple[str, ...]) -> str:
    return ", ".join(f"{table}.{column}" for column in columns)


_WHO: Final = f"{_of('p', PATIENT)}, g.BalTotal AS {FAMILY_TOTAL}, g.FamFinUrgNote AS {FAMILY_NOTE}"
_COVERED: Final = f"{_of('pp', PLACE)}, {_of('s', SUBSCRIPTION)}, {_of('i', PLAN)}, c.CarrierName"
_PEOPLE: Final = "patient p LEFT JOIN patient g ON g.PatNum = p.Guarantor"
_PLANS: Final = (
    "inssub s ON s.InsSubNum = pp.InsSubNum LEFT JOIN insplan i ON i.PlanNum = s.PlanNum "
    "LEFT JOIN carrier c ON c.CarrierNum = i.CarrierNum"
)

PEOPLE: Final = Statement("day_people", f"SELECT {_WHO} FROM {_PEOPLE} WHERE p.PatNum IN :patients ORDER BY p.PatNum")
PEOPLE_AND_COVERAGE: Final = Statement(
    "day_people_and_coverage",
    f"SELECT {_WHO}, {_COVERED} FROM {_PEOPLE} LEFT JOIN patplan pp ON pp.PatNum = p.PatNum LEFT JOIN {_PLANS} "
    "WHERE p.PatNum IN :patients ORDER BY p.PatNum, pp.PatPlanNum",
)
"""A row for each insurance, and one for who has none: both in one call, where two would ask for the same patients."""

COVERAGE: Final = Statement(
    "day_coverage",
    f"SELECT pp.PatNum, {_COVERED} FROM patplan pp LEFT JOIN {_PLANS} WHERE pp.PatNum IN :patients "
    "ORDER BY pp.PatPlanNum",
)
RECALLS: Final = Statement(
    "day_recalls",
    f"SELECT {_of('r', RECALL)}, d.ItemName AS StatusName, t.Description AS TypeName FROM recall r "
    "LEFT JOIN definition d ON d.DefNum = r.RecallStatus "
    "LEFT JOIN recalltype t ON t.RecallTypeNum = r.RecallTypeNum "
    "WHERE r.PatNum IN :patients AND r.IsDisabled = 0 ORDER BY r.RecallNum",
)

ALLERGY, CONDITION, MEDICATION = 1, 2, 3
ALERTS: Final = Statement(
    "day_alerts",
    # Columns of one kind stand under each other, so that no server has to make a text of a day.
    f"SELECT {ALLERGY} AS Kind, a.AllergyNum AS AlertNum, a.PatNum, a.AllergyDefNum AS DefNum, d.Description AS Label, "
    "a.Reaction AS Words, 0 AS ProvNum, a.DateAdverseReaction AS DateStart, a.DateAdverseReaction AS DateStop "
    "FROM allergy a LEFT JOIN allergydef d ON d.AllergyDefNum = a.AllergyDefNum "
    "WHERE a.PatNum IN :patients AND a.StatusIsActive = 1 "
    f"UNION ALL SELECT {CONDITION}, e.DiseaseNum, e.PatNum, e.DiseaseDefNum, f.DiseaseName, e.PatNote, 0, e.DateStart, "
    "e.DateStop FROM disease e LEFT JOIN diseasedef f ON f.DiseaseDefNum = e.DiseaseDefNum "
    "WHERE e.PatNum IN :patients AND e.ProbStatus = 0 "
    f"UNION ALL SELECT {MEDICATION}, m.MedicationPatNum, m.PatNum, m.MedicationNum, n.MedName, m.PatNote, m.ProvNum, "
    "m.DateStart, m.DateStop FROM medicationpat m LEFT JOIN medication n ON n.MedicationNum = m.MedicationNum "
    "WHERE m.PatNum IN :patients AND (m.DateStop < '1880-01-01' OR m.DateStop >= :today) "
    "ORDER BY Kind, AlertNum",
)
"""What is active, of all three kinds: https://www.opendental.com/site/apidiseases.html and its neighbours."""

ALL: Final = (PEOPLE, PEOPLE_AND_COVERAGE, COVERAGE, RECALLS, ALERTS)
