"""Families, who pays for them, and what they suffer from."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from infra.sandbox.practice.enums import NO_DATE, DefCat, PatStatus
from infra.sandbox.practice.seeding import names
from infra.sandbox.practice.seeding.rows import Row, Rows, on
from infra.sandbox.practice.seeding.setup import Setup


@dataclass
class Plan:
    """An insurance plan, as far as estimating needs it."""

    key: int
    carrier: int
    kind: str
    """"p" PPO, "" percentage, "f" flat copay or Medicaid, "c" capitation."""
    schedule: str
    maximum: float


@dataclass
class Cover:
    """One person's place in a plan."""

    plan: Plan
    subscription: int
    relation: int
    assigned: bool


@dataclass
class Person:
    """A patient's row, and what the later steps need to know."""

    key: int
    row: Row
    age: int
    status: PatStatus
    clinic: int
    dentist: int
    hygienist: int
    perio: bool = False
    merged: bool = False
    """Only the shell of a row whose life was moved to another patient."""
    covers: list[Cover] = field(default_factory=list)
    first_seen: date | None = None
    last_seen: date | None = None
    next_seen: date | None = None
    next_recall: date | None = None


@dataclass(frozen=True)
class House:
    """What the members of a family have in common."""

    last: str
    street: str
    city: tuple[str, str, str]
    clinic: int
    phone: str
    head: int
    dentist: int
    hygienist: int


RELATION_SELF, RELATION_SPOUSE, RELATION_CHILD = 0, 1, 2


def add_people(rows: Rows, rng: Random, made: Setup, patients: int) -> list[Person]:
    """Invent families until there are `patients` people in them, with insurance and medical rows."""
    plans = _plans(rows, rng, made)
    people: list[Person] = []
    while len(people) < patients:
        size = rng.choices((1, 2, 3, 4, 5, 6), (52, 23, 11, 9, 4, 1))[0]
        family = _family(rows, rng, made, min(size, patients - len(people)))
        _insure(rows, rng, made, family, plans)
        people += family
    _edges(rows, rng, made, people)
    for employer in names.EMPLOYERS:
        rows.add("employer", {"EmpName": employer})
    _medical(rows, rng, made, people)
    return people


def _family(rows: Rows, rng: Random, made: Setup, size: int) -> list[Person]:
    last, city = rng.choice(names.LAST), rng.choice(names.CITIES)
    street = f"{rng.randrange(1, 999)} {rng.choice(names.STREETS)}"
    clinic = made.clinics[int(rng.random() < 0.3)]
    home = _phone(rng)
    head = len(rows["patient"]) + 1
    guarantor_untreated = size > 1 and rng.random() < 0.16
    dentist = rng.choice([d for d in made.dentists if made.clinic_of_provider[d] == clinic])
    hygienist = rng.choice([h for h in made.hygienists if made.clinic_of_provider[h] == clinic])
    house = House(last, street, city, clinic, home, head, dentist, hygienist)
    family = []
    for place in range(size):
        age = rng.choices((rng.randrange(18, 40), rng.randrange(40, 65), rng.randrange(65, 93)), (35, 41, 24))[0]
        if place > 1:
            age = rng.randrange(1, 18)
        status = _status(rng)
        if place == 0 and guarantor_untreated:
            status = PatStatus.NON_PATIENT
        elif place == 0 and size > 1 and status is PatStatus.DELETED:
            # A guarantor with a family cannot be deleted.
            status = PatStatus.INACTIVE
        family.append(_person(rows, rng, made, house, place=place, age=age, status=status))
    return family


def _status(rng: Random) -> PatStatus:
    return rng.choices(
        (
            PatStatus.PATIENT,
            PatStatus.INACTIVE,
            PatStatus.ARCHIVED,
            PatStatus.NON_PATIENT,
            PatStatus.DELETED,
            PatStatus.PROSPECTIVE,
            PatStatus.DECEASED,
        ),
        (54, 24, 10, 6, 3, 2, 1),
    )[0]


def _person(rows: Rows, rng: Random, made: Setup, house: House, *, place: int, age: int, status: PatStatus) -> Person:
    female = rng.random() < 0.52
    first = rng.choice(names.FIRST_FEMALE if female else names.FIRST_MALE)
    key = len(rows["patient"]) + 1
    stamp = made.today - timedelta(days=rng.randrange(1, 700))
    adult = age >= 18
    # A wireless number of the family is shared by two in five.
    shared = place > 0 and rng.random() < 0.4
    row: Row = {
        "PatNum": key,
        "LName": house.last,
        "FName": first,
        "MiddleI": rng.choice(("", "", "", "A", "J", "M")),
        "Preferred": first[:3] + "ie" if rng.random() < 0.08 else "",
        "PatStatus": int(status),
        "Gender": int(female),
        "Position": (1 if place < 2 and rng.random() < 0.6 else 0) if adult else 2,
        "Birthdate": on(made.today - timedelta(days=round(age * 365.25) + rng.randrange(1, 364))),
        "SSN": f"000{rng.randrange(100):02d}{rng.randrange(10_000):04d}" if adult and rng.random() < 0.3 else "",
        "Address": house.street,
        "City": house.city[0],
        "State": house.city[1],
        "Zip": house.city[2],
        "HmPhone": house.phone if rng.random() < 0.4 else "",
        "WkPhone": _phone(rng) if adult and rng.random() < 0.1 else "",
        "WirelessPhone": house.phone if shared else _phone(rng) if rng.random() < 0.92 else "",
        "Email": _email(rng, first, house.last, key),
        "Guarantor": house.head,
        "PriProv": house.dentist,
        "SecProv": house.hygienist if rng.random() < 0.7 else 0,
        "BillingType": made.definition(DefCat.BILLING_TYPES, rng.choices((0, 1, 2, 3), (80, 15, 2, 3))[0]),
        "ImageFolder": f"{house.last[:6].strip(chr(39))}{first[:3]}{key}",
        "ChartNumber": f"C{key:05d}" if rng.random() < 0.5 else "",
        "ClinicNum": 0 if rng.random() < 0.02 else house.clinic,
        "PreferConfirmMethod": rng.choice((0, 0, 4, 5, 8)),
        "PreferContactMethod": rng.choice((0, 0, 2, 4, 5)),
        "PreferRecallMethod": rng.choice((0, 0, 5, 8)),
        "Language": rng.choices(("", "spa", "deu"), (93, 5, 2))[0],
        "TxtMsgOk": rng.choices((0, 1, 2), (33, 62, 5))[0],
        "SecDateEntry": on(stamp),
        "DateTStamp": f"{stamp} {rng.randrange(8, 17):02d}:{rng.randrange(60):02d}:{rng.randrange(60):02d}",
    }
    rows.add("patient", row)
    return Person(
        key, row, age, status, house.clinic, house.dentist, house.hygienist, perio=age > 30 and rng.random() < 0.11
    )


def _phone(rng: Random) -> str:
    """One of the hundred numbers that belong to nobody, in one of the ways in which desks type them."""
    line = rng.randrange(100)
    return rng.choice((f"(555)555-01{line:02d}", f"555555 01{line:02d}".replace(" ", ""), f"555-555-01{line:02d}"))


def _email(rng: Random, first: str, last: str, key: int) -> str:
    name = "".join(letter for letter in f"{first}.{last}".lower() if letter.isascii() and letter.isalpha())
    draw = rng.random()
    if draw < 0.76:
        return f"{name}{key}@example.com"
    if draw < 0.77:
        return f"{name}{key}@example.com,{name}.work{key}@example.com"
    return f"{name}(at)example" if draw < 0.785 else ""


def _plans(rows: Rows, rng: Random, made: Setup) -> list[Plan]:
    plans = []
    for number, name in enumerate(names.CARRIERS):
        carrier = rows.add(
            "carrier",
            {
                "CarrierName": name,
                "Address": f"PO Box {100 + number}",
                "City": "Lower Gorse",
                "State": "WA",
                "Zip": "98000",
                "Phone": f"555-555-01{number:02d}",
                "ElectID": f"X{number:04d}",
                "NoSendElect": 0,
                "IsHidden": 0,
            },
        )
        for group in range(rng.choice((1, 2, 2, 3))):
            kind = rng.choices(("p", ""), (80, 20))[0]
            kind = "f" if "Medicaid" in name else "c" if "Capitation" in name else kind
            schedule = {"p": rng.choice(("PPO Standard", "PPO Low")), "f": "State Medicaid", "c": "PPO Low"}.get(
                kind, ""
            )
            maximum = rng.choice((1000.0, 1250.0, 1500.0, 2000.0))
            key = rows.add(
                "insplan",
                {
                    "GroupName": rng.choice(names.EMPLOYERS),
                    "GroupNum": f"G{number:02d}{group}",
                    "PlanNote": "",
                    "FeeSched": made.fee_schedules.get(schedule, 0),
                    "PlanType": kind,
                    "ClaimFormNum": made.claim_form,
                    "EmployerNum": rng.randrange(1, len(names.EMPLOYERS) + 1),
                    "CarrierNum": carrier,
                    "IsMedical": 0,
                    "IsHidden": 0,
                    "MonthRenew": 0 if rng.random() < 0.85 else 7,
                    "CobRule": rng.choice((0, 0, 1, 2)),
                    "BillingType": 0,
                    "SecDateEntry": made.stamp[:10],
                    "SecDateTEdit": made.stamp,
                },
            )
            plan = Plan(key, carrier, kind, schedule, maximum)
            _benefits(rows, made, plan)
            plans.append(plan)
    # Typed by hand, so one carrier is there twice.
    rows.add("carrier", {"CarrierName": names.CARRIERS[0].upper(), "ElectID": "X0000", "IsHidden": 0})
    return plans


def _benefits(rows: Rows, made: Setup, plan: Plan) -> None:
    base = {
        "PlanNum": plan.key,
        "PatPlanNum": 0,
        "Percent": -1,
        "MonetaryAmt": -1.0,
        "CodeNum": 0,
        "CoverageLevel": 1,
        "TimePeriod": 2,
        "SecDateTEdit": made.stamp,
        "SecDateTEntry": made.stamp,
    }
    rows.add("benefit", base | {"BenefitType": 5, "CovCatNum": 0, "MonetaryAmt": plan.maximum})
    if plan.kind in ("p", ""):
        rows.add("benefit", base | {"BenefitType": 2, "CovCatNum": 0, "MonetaryAmt": 50.0})
    for name, category in made.categories.items():
        percent = rows.get("covcat", category)["DefaultPercent"]
        if percent >= 0:
            full = plan.kind in ("f", "c")
            rows.add("benefit", base | {"BenefitType": 1, "CovCatNum": category, "Percent": 100 if full else percent})
        if name == "Orthodontics":
            rows.add(
                "benefit", base | {"BenefitType": 5, "CovCatNum": category, "MonetaryAmt": 1500.0, "TimePeriod": 3}
            )
    exam = made.codes["D0120"]
    rows.add(
        "benefit", base | {"BenefitType": 5, "CovCatNum": 0, "CodeNum": exam, "Quantity": 2, "QuantityQualifier": 1}
    )


def _insure(rows: Rows, rng: Random, made: Setup, family: list[Person], plans: list[Plan]) -> None:
    if rng.random() > 0.68:
        return
    plan = rng.choice(plans)
    adults = [person for person in family if person.age >= 18]
    subscriptions = [(adults[0], plan)]
    if len(adults) > 1 and rng.random() < 0.3:
        subscriptions.append((adults[1], rng.choice(plans)))
    keys = []
    for subscriber, cover in subscriptions:
        keys.append(
            rows.add(
                "inssub",
                {
                    "PlanNum": cover.key,
                    "Subscriber": subscriber.key,
                    "DateEffective": on(date(made.today.year - rng.randrange(1, 4), 1, 1)),
                    "DateTerm": NO_DATE,
                    "SubscriberID": f"SUB{subscriber.key:06d}",
                    "ReleaseInfo": 1,
                    "AssignBen": int(rng.random() < 0.96),
                    "SecDateTEdit": made.stamp,
                },
            )
        )
    for person in family:
        if person.status is PatStatus.DELETED:
            continue
        order = list(zip(subscriptions, keys, strict=True))
        # One's own plan pays first.
        order.sort(key=lambda entry: entry[0][0] is not person)
        if person.age >= 18 and len(order) > 1 and rng.random() < 0.4:
            order = order[:1]
        for ordinal, ((subscriber, cover), key) in enumerate(order, start=1):
            own = subscriber is person
            relation = RELATION_SELF if own else RELATION_SPOUSE if person.age >= 18 else RELATION_CHILD
            rows.add(
                "patplan",
                {
                    "PatNum": person.key,
                    "Ordinal": ordinal,
                    "IsPending": 0,
                    "Relationship": relation,
                    "InsSubNum": key,
                    "SecDateTEntry": made.stamp,
                    "SecDateTEdit": made.stamp,
                },
            )
            assigned = bool(rows.get("inssub", key)["AssignBen"])
            person.covers.append(Cover(cover, key, relation, assigned))


def _edges(rows: Rows, rng: Random, made: Setup, people: list[Person]) -> None:
    """Rows that break naive readers: each of them occurs in real offices."""
    singles = [p for p in people if p.row["Guarantor"] == p.key and not p.covers]
    if len(people) >= 12:
        people[5].row["WirelessPhone"] = people[6].row["WirelessPhone"] = "(555)555-0142"
        people[7].row["WirelessPhone"] = "call after 5"
        people[4].row["LName"], people[4].row["FName"] = "Van der O'Mossgrove-Øverwood", "Ångela-Zoë"
    sizes = Counter(p.row["Guarantor"] for p in people)
    alone = [p for p in singles if sizes[p.key] == 1]
    undated = [p for p in people if all(p is not q for q in alone[:4])]
    if len(people) >= 12:
        undated[0].row["Birthdate"] = NO_DATE
    if len(alone) >= 4:
        # A second row of one person for another specialty, in capitals; and a row merged into another one.
        real, clone, target, source = alone[:4]
        clone.row.update(
            LName=real.row["LName"].upper(),
            FName=real.row["FName"].upper(),
            Birthdate=real.row["Birthdate"],
            Guarantor=real.key,
            PatStatus=int(PatStatus.PATIENT),
        )
        clone.status = PatStatus.PATIENT
        source.row.update(
            LName=target.row["LName"],
            FName=target.row["FName"],
            Birthdate=target.row["Birthdate"],
            PatStatus=int(PatStatus.ARCHIVED),
        )
        source.status = PatStatus.ARCHIVED
        source.merged = True
        for person in (real, target):
            person.row["PatStatus"], person.status = int(PatStatus.PATIENT), PatStatus.PATIENT
        for link, first, second in ((1, source, target), (2, real, clone)):
            rows.add(
                "patientlink",
                {
                    "PatNumFrom": first.key,
                    "PatNumTo": second.key,
                    "LinkType": link,
                    "DateTimeLink": f"{made.today - timedelta(days=40 + link)} 12:00:00",
                },
            )
    spare = alone[4:]
    for status in PatStatus:
        if spare and not any(p.status is status for p in people):
            person = spare.pop()
            person.status, person.row["PatStatus"] = status, int(status)
    treated = [p for p in people if p.age > 30 and p.status is PatStatus.PATIENT and not p.merged]
    if treated and not any(p.perio for p in treated):
        treated[0].perio = True
    heads = [p for p in people if p.row["Guarantor"] == p.key and p.status is PatStatus.PATIENT]
    if len(heads) >= 8:
        head, joined = rng.sample(heads, 2)
        for person in people:
            if person.row["Guarantor"] in (head.key, joined.key):
                person.row["SuperFamily"] = head.key


def _medical(rows: Rows, rng: Random, made: Setup, people: list[Person]) -> None:
    allergies = [
        rows.add("allergydef", {"Description": name, "IsHidden": 0, "SnomedType": "None", "DateTStamp": made.stamp})
        for name in ("None", "Penicillin", "Latex", "Codeine", "Local anesthetic", "Tree nuts")
    ]
    medications = [
        rows.add("medication", {"MedName": name, "DateTStamp": made.stamp})
        for name in ("None", "Lisinopril", "Metformin", "Atorvastatin", "Levothyroxine", "Warfarin", "Albuterol")
    ]
    for key in medications:
        rows.get("medication", key)["GenericNum"] = key
    problems = [
        rows.add("diseasedef", {"DiseaseName": name, "ICD10Code": code, "IsHidden": 0, "DateTStamp": made.stamp})
        for name, code in (
            ("None", ""),
            ("High blood pressure", "I10"),
            ("Diabetes, type 2", "E11.9"),
            ("Asthma", "J45.909"),
            ("Artificial joint", "Z96.60"),
            ("Pregnancy", "Z33.1"),
        )
    ]
    for person in people:
        rows.add("patientnote", {"PatNum": person.key, "Medical": "", "SecDateTEdit": person.row["DateTStamp"]})
        if person.status in (PatStatus.DELETED, PatStatus.NON_PATIENT):
            continue
        for share, table, defs, column in (
            (0.28, "allergy", allergies, "AllergyDefNum"),
            (0.45, "medicationpat", medications, "MedicationNum"),
            (0.35, "disease", problems, "DiseaseDefNum"),
        ):
            draw = rng.random()
            if draw < share:
                chosen = rng.sample(defs[1:], rng.choice((1, 1, 2, 3)))
            elif draw < share + (1 - share) / 2:
                chosen = defs[:1]
            else:
                continue
            for key in chosen:
                row: Row = {"PatNum": person.key, column: key, "DateTStamp": person.row["DateTStamp"]}
                if table == "allergy":
                    row |= {"StatusIsActive": 1, "Reaction": rng.choice(("", "Rash", "Swelling"))}
                elif table == "disease":
                    row |= {"ProbStatus": rng.choice((0, 0, 0, 1, 2)), "PatNote": ""}
                else:
                    row |= {"DateStart": on(made.today - timedelta(days=rng.randrange(30, 2000))), "PatNote": ""}
                rows.add(table, row)
