"""What the front desk keeps: recalls, contact, tasks, referrals, pictures, letters, lab work."""

from datetime import date, datetime, timedelta
from random import Random

from infra.sandbox.practice.enums import NO_DATE, DefCat, PatStatus, ProcStatus
from infra.sandbox.practice.seeding import names
from infra.sandbox.practice.seeding.people import Person
from infra.sandbox.practice.seeding.rows import Row, Rows, at, on
from infra.sandbox.practice.seeding.setup import RECALL_TYPES, Setup


def add_desk(rows: Rows, rng: Random, made: Setup, people: list[Person]) -> None:
    """Write what surrounds the visits of everybody."""
    _recalls(rows, rng, made, people)
    _contacts(rows, rng, made, people)
    _referrals(rows, rng, made, people)
    _papers(rows, rng, made, people)
    _perio(rows, rng, people)
    _labs(rows, rng, made)
    _tasks(rows, rng, made, people)


def plus_interval(day: date, packed: int) -> date:
    """`day` plus a recall interval, packed as years x 2^24 + months x 2^16 + weeks x 2^8 + days.

    A day that the month does not have becomes its last one, as in the program.
    """
    years, months, weeks, days = packed >> 24, packed >> 16 & 255, packed >> 8 & 255, packed & 255
    index = day.month - 1 + months
    year, month = day.year + years + index // 12, index % 12 + 1
    last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month, min(day.day, last)) + timedelta(days=7 * weeks + days)


def _recalls(rows: Rows, rng: Random, made: Setup, people: list[Person]) -> None:
    done: dict[tuple[int, str], str] = {}
    for proc in rows["procedurelog"]:
        if proc["ProcStatus"] in (ProcStatus.C, ProcStatus.EC, ProcStatus.EO):
            slot = (proc["PatNum"], made.code_rows[proc["CodeNum"]])
            done[slot] = max(done.get(slot, ""), proc["ProcDate"])
    for person in people:
        if not person.first_seen:
            continue
        for number, (_, interval, _, _, _, triggers) in enumerate(RECALL_TYPES, start=1):
            if number == (1 if person.perio else 3) or not triggers:
                continue
            # On prophy or on perio: the triggers of both move whichever it is.
            codes = RECALL_TYPES[0][5] + RECALL_TYPES[2][5] if number in (1, 3) else triggers
            previous = max((done.get((person.key, code), "") for code in codes), default="")
            if not previous:
                continue
            off = person.status is not PatStatus.PATIENT
            due = NO_DATE if off else on(plus_interval(date.fromisoformat(previous), interval))
            late = due < on(made.today) and not off
            rows.add(
                "recall",
                {
                    "PatNum": person.key,
                    "RecallTypeNum": number,
                    "DatePrevious": previous,
                    "DateDue": due,
                    "DateDueCalc": due,
                    "RecallInterval": interval,
                    "RecallStatus": rng.choice(made.definitions[DefCat.RECALL_STATUS]) if late else 0,
                    "Note": "",
                    "IsDisabled": int(off),
                    "DateScheduled": on(person.next_recall) if person.next_recall and number in (1, 3, 7) else NO_DATE,
                    "DateTStamp": f"{max(previous, person.row['DateTStamp'][:10])} 17:00:00",
                },
            )


def _contacts(rows: Rows, rng: Random, made: Setup, people: list[Person]) -> None:
    kinds = made.definitions[DefCat.COMMLOG_TYPES]
    for person in people:
        if person.status in (PatStatus.DELETED, PatStatus.NON_PATIENT) or person.merged:
            continue
        for _ in range(rng.randrange(0, 6) if person.status is PatStatus.PATIENT else rng.randrange(2)):
            moment = datetime.combine(made.today, datetime.min.time()) - timedelta(minutes=rng.randrange(60, 500_000))
            moment = moment.replace(hour=rng.randrange(7, 19))
            place = rng.randrange(len(names.COMM_NOTES))
            rows.add(
                "commlog",
                {
                    "PatNum": person.key,
                    "CommDateTime": at(moment),
                    "CommType": kinds[(0, 5, 2, 4, 1, 3, 4)[place]],
                    "Note": names.COMM_NOTES[place],
                    "Mode_": rng.choice((1, 3, 5)),
                    "SentOrReceived": rng.choice((1, 1, 2)),
                    "UserNum": made.users[1],
                    "CommSource": rng.choice((0, 0, 3)),
                    "DateTStamp": at(moment),
                    "DateTEntry": at(moment),
                },
            )
    if people:
        target = next((p for p in people if p.status is PatStatus.PATIENT), people[0])
        stamp = at(datetime.combine(made.today, datetime.min.time()) - timedelta(days=3))
        rows.add(
            "popup",
            {
                "PatNum": target.key,
                "Description": "Ask for the new insurance card.",
                "PopupLevel": 1,
                "DateTimeEntry": stamp,
                "DateTimeDisabled": f"{NO_DATE} 00:00:00",
            },
        )


def _referrals(rows: Rows, rng: Random, made: Setup, people: list[Person]) -> None:
    base = {"Specialty": 0, "ST": "OR", "City": "Fernhollow", "Zip": "97000", "DateTStamp": made.stamp, "IsHidden": 0}
    internet = rows.add("referral", base | {"LName": "Internet Search", "NotPerson": 1})
    rows.add("referral", base | {"LName": "Sign at the Road", "NotPerson": 1})
    doctors = [
        rows.add(
            "referral",
            base
            | {
                "LName": rng.choice(names.LAST),
                "FName": rng.choice(names.FIRST_FEMALE),
                "Title": "DDS",
                "IsDoctor": 1,
                "Specialty": made.definition(DefCat.SPECIALTIES, place),
                "Telephone": f"55555501{20 + place}",
                "IsPreferred": int(place == 3),
            },
        )
        for place in (2, 3, 4)
    ]
    of_patient: dict[int, int] = {}
    for person in people:
        if person.first_seen and rng.random() < 0.35:
            source = internet
            if rng.random() < 0.5:
                friend = rng.choice(people)
                source = of_patient.get(friend.key) or rows.add(
                    "referral",
                    base | {"LName": friend.row["LName"], "FName": friend.row["FName"], "PatNum": friend.key},
                )
                of_patient[friend.key] = source
            _attach(rows, person, source, kind=1, day=person.first_seen)
    for proc in rows["procedurelog"]:
        if proc["ProcStatus"] == ProcStatus.R:
            person = people[proc["PatNum"] - 1]
            day = date.fromisoformat(proc["ProcDate"])
            _attach(rows, person, rng.choice(doctors), kind=0, day=day, proc=proc["ProcNum"])


def _attach(rows: Rows, person: Person, referral: int, *, kind: int, day: date, proc: int = 0) -> None:
    rows.add(
        "refattach",
        {
            "ReferralNum": referral,
            "PatNum": person.key,
            "ItemOrder": 1,
            "RefDate": on(day),
            "ReferralType": kind,
            "ProcNum": proc,
            "ProvNum": person.dentist if proc else 0,
            "DateProcComplete": NO_DATE,
            "DateTStamp": f"{day} 13:00:00",
        },
    )


def _papers(rows: Rows, rng: Random, made: Setup, people: list[Person]) -> None:
    kinds = made.definitions[DefCat.IMAGE_CATEGORIES]
    for person in people:
        if not person.last_seen or person.first_seen is None:
            continue
        for number in range(rng.randrange(0, 4)):
            place = rng.choice((0, 0, 2, 4, 5))
            moment = f"{rng.choice((person.first_seen, person.last_seen))} {9 + number:02d}:30:00"
            row: Row = {
                "PatNum": person.key,
                "Description": ("Bitewings", "Photos", "Health history", "", "Plan signed", "Insurer's letter")[place],
                "DateCreated": moment,
                "DocCategory": kinds[place],
                "FileName": f"{person.row['ImageFolder']}_{number}.{'jpg' if place == 0 else 'pdf'}",
                "ImgType": 1 if place == 0 else 0,
                "Note": "",
                "DateTStamp": moment,
                "ProvNum": person.dentist,
            }
            rows.add("document", row)
        if person.row["Guarantor"] == person.key and rng.random() < 0.2:
            day = made.today - timedelta(days=rng.randrange(5, 120))
            rows.add(
                "statement",
                {
                    "PatNum": person.key,
                    "DateSent": on(day),
                    "DateRangeFrom": on(day - timedelta(days=45)),
                    "DateRangeTo": on(day),
                    "Mode_": rng.choice((0, 2)),
                    "IsSent": int(rng.random() < 0.9),
                    "DateTStamp": f"{day} 10:00:00",
                    "InsEst": 0.0,
                    "BalTotal": float(rng.randrange(20, 400)),
                },
            )
    for name in ("Thimble Hill Pharmacy", "Port Nimbus Apothecary"):
        rows.add("pharmacy", {"StoreName": name, "Phone": "555-555-0177", "City": "Fernhollow", "State": "OR"})


def _perio(rows: Rows, rng: Random, people: list[Person]) -> None:
    """Chart the gums of those under gum treatment: some teeth only, one of them with overgrown gum (101 = -1)."""
    for person in people:
        if not person.perio or not person.last_seen:
            continue
        stamp = f"{person.last_seen} 10:00:00"
        exam = rows.add(
            "perioexam",
            {
                "PatNum": person.key,
                "ExamDate": on(person.last_seen),
                "ProvNum": person.hygienist,
                "DateTMeasureEdit": stamp,
            },
        )
        for tooth in range(2, 16, 2):
            for kind in (4, 2):
                sites = [rng.choice((2, 3, 3, 4, 5, 6)) if kind == 4 else rng.choice((0, 1, 101)) for _ in range(6)]
                names_ = ("MBvalue", "Bvalue", "DBvalue", "MLvalue", "Lvalue", "DLvalue")
                rows.add(
                    "periomeasure",
                    {
                        "PerioExamNum": exam,
                        "SequenceType": kind,
                        "IntTooth": tooth,
                        "ToothValue": -1,
                        "SecDateTEdit": stamp,
                        **dict(zip(names_, sites, strict=True)),
                    },
                )


def _labs(rows: Rows, rng: Random, made: Setup) -> None:
    lab = rows.add("laboratory", {"Description": "Paper Boat Dental Lab", "Phone": "555-555-0188", "IsHidden": 0})
    crown = made.codes["D2740"]
    for proc in rows["procedurelog"]:
        if proc["CodeNum"] == crown and proc["ProcStatus"] == ProcStatus.C and proc["AptNum"]:
            day = date.fromisoformat(proc["ProcDate"])
            created = datetime.combine(day, datetime.min.time()) + timedelta(hours=15)
            back = created + timedelta(days=12)
            returned = at(back) if back.date() < made.today and rng.random() < 0.95 else f"{NO_DATE} 00:00:00"
            rows.add(
                "labcase",
                {
                    "PatNum": proc["PatNum"],
                    "LaboratoryNum": lab,
                    "AptNum": proc["AptNum"],
                    "DateTimeDue": at(created + timedelta(days=14)),
                    "DateTimeCreated": at(created),
                    "DateTimeSent": at(created + timedelta(hours=1)),
                    "DateTimeRecd": returned,
                    "DateTimeChecked": returned,
                    "ProvNum": proc["ProvNum"],
                    "Instructions": "Shade A2.",
                    "LabFee": 145.0,
                    "DateTStamp": at(created),
                },
            )


def _tasks(rows: Rows, rng: Random, made: Setup, people: list[Person]) -> None:
    inbox = rows.add("tasklist", {"Descript": "Front Desk", "ObjectType": 1, "DateTimeEntry": made.stamp})
    for number in range(max(4, len(people) // 25) if people else 0):
        entered = datetime.combine(made.today, datetime.min.time()) - timedelta(hours=rng.randrange(2, 900))
        done = rng.random() < 0.4
        rows.add(
            "task",
            {
                "TaskListNum": inbox,
                "DateTask": NO_DATE,
                "KeyNum": rng.choice(people).key if number % 3 else 0,
                "ObjectType": 1 if number % 3 else 0,
                "Descript": rng.choice(names.TASKS),
                "TaskStatus": 2 if done else rng.randrange(2),
                "DateTimeEntry": at(entered),
                "DateTimeOriginal": at(entered),
                "DateTimeFinished": at(entered + timedelta(hours=1)) if done else f"{NO_DATE} 00:00:00",
                "UserNum": made.users[1],
                "PriorityDefNum": made.definition(DefCat.TASK_PRIORITIES, rng.choice((0, 0, 1))),
                "SecDateTEdit": at(entered),
            },
        )
