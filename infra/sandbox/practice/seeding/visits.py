"""Appointments with their fates, the procedures on them, and the work that waits for a visit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from infra.sandbox.practice.enums import NO_DATE, NO_TIME, AptStatus, DefCat, HistApptAction, PatStatus, ProcStatus
from infra.sandbox.practice.seeding import names
from infra.sandbox.practice.seeding.calendar import Calendar
from infra.sandbox.practice.seeding.people import Person
from infra.sandbox.practice.seeding.rows import Row, Rows, at, on
from infra.sandbox.practice.seeding.setup import HYGIENE_CODES, Setup

HISTORY_COLUMNS = [
    "AptNum",
    "PatNum",
    "AptStatus",
    "Pattern",
    "Confirmed",
    "TimeLocked",
    "Op",
    "Note",
    "ProvNum",
    "ProvHyg",
    "AptDateTime",
    "NextAptNum",
    "UnschedStatus",
    "IsNewPatient",
    "ProcDescript",
    "ClinicNum",
    "IsHygiene",
    "DateTStamp",
    "DateTimeArrived",
    "DateTimeSeated",
    "DateTimeDismissed",
    "InsPlan1",
    "InsPlan2",
    "AppointmentTypeNum",
    "SecDateTEntry",
    "Priority",
    "PatternSecondary",
    "ItemOrderPlanned",
]

BACK_TEETH = ("2", "3", "4", "5", "12", "13", "14", "15", "18", "19", "20", "21", "28", "29", "30", "31")
MOLARS = ("2", "3", "14", "15", "18", "19", "30", "31")
FRONT_TEETH = ("6", "7", "8", "9", "10", "11", "23", "24", "25", "26")
BABY_TEETH = ("A", "B", "I", "J", "K", "L", "S", "T")
QUADRANTS = ("UR", "UL", "LR", "LL")


@dataclass(frozen=True)
class Work:
    """One procedure to be done: code and place in the mouth, as the database writes it."""

    code: str
    tooth: str = ""
    surf: str = ""


@dataclass
class Visit:
    """A completed visit, for the money that follows from it."""

    person: Person
    day: date
    apt: int
    procs: list[int]


class Diary:
    """Writes visits and their procedures into the rows."""

    def __init__(self, rows: Rows, rng: Random, made: Setup, calendar: Calendar) -> None:
        self.rows, self.rng, self.made, self.calendar = rows, rng, made, calendar
        self.today = calendar.today
        self.midnight = datetime.combine(self.today, datetime.min.time())
        self.completed: list[Visit] = []
        self._rooms: dict[tuple[int, bool], list[int]] = {}
        for room in rows["operatory"]:
            if room["ClinicNum"]:
                key = (room["ClinicNum"], bool(room["IsHygiene"]))
                self._rooms.setdefault(key, []).append(room["OperatoryNum"])

    def procedure(
        self, person: Person, work: Work, status: ProcStatus, day: date, *, apt: int = 0, **more: object
    ) -> int:
        """Chart `work` and return its ProcNum."""
        hygiene = work.code in HYGIENE_CODES
        entered = min(datetime.combine(day, datetime.min.time()) + timedelta(hours=12), self.midnight)
        return self.rows.add(
            "procedurelog",
            {
                "PatNum": person.key,
                "AptNum": apt,
                "ProcDate": on(day),
                "ProcFee": self.made.office_fee[work.code] if status is not ProcStatus.EC else 0.0,
                "Surf": work.surf,
                "ToothNum": work.tooth,
                "Priority": self.made.definition(DefCat.PRIORITIES, self.rng.randrange(3)) if status == 1 else 0,
                "ProcStatus": int(status),
                "ProvNum": person.hygienist if hygiene and status == 2 else person.dentist,
                "Dx": 0,
                "ClinicNum": person.clinic,
                "CodeNum": self.made.codes[work.code],
                "UnitQty": 1,
                "BaseUnits": 0,
                "DateTP": on(day - timedelta(days=self.rng.randrange(30))) if work.tooth else on(day),
                "DateEntryC": on(day) if status in (2, 3, 4) else NO_DATE,
                "DateComplete": on(day) if status == 2 else NO_DATE,
                "DateTStamp": at(entered),
                "SecDateEntry": at(entered),
                "SecDateTEntry": at(entered),
                **more,
            },
        )

    def visit(
        self,
        person: Person,
        day: date,
        works: Sequence[Work],
        slots: int,
        *,
        hygiene: bool,
        new: bool = False,
        kind: str = "",
        fate: AptStatus | None = None,
    ) -> Visit | None:
        """Put a visit into the calendar on or soon after `day`; its fate follows from the date.

        None if it ended otherwise than completed.
        """
        rng, step = self.rng, -1 if day < self.today else 1
        start, room = None, 0
        while start is None:
            day = self.calendar.open_day(day, step)
            rooms = self._rooms.get((person.clinic, hygiene)) or self._rooms[self.made.clinics[0], hygiene]
            for room in rng.sample(rooms, len(rooms)):
                if start := self.calendar.take(rng, room, day, slots):
                    break
            day += timedelta(days=step if start is None else 0)
            if step > 0 and start is None and day == self.today:
                day += timedelta(days=1)
        status = fate or self._fate(start)
        row = self.appointment(person, start, room, slots, status, hygiene=hygiene, new=new, kind=kind, works=works)
        apt = self.rows.add("appointment", row)
        done = status is AptStatus.COMPLETE
        procs = [
            self.procedure(person, work, ProcStatus.C if done else ProcStatus.TP, start.date(), apt=apt)
            for work in works
        ]
        self._history(row)
        if status is AptStatus.BROKEN or (status is AptStatus.UNSCHED_LIST and rng.random() < 0.5):
            self._broken(person, row)
        if not done:
            if status is AptStatus.SCHEDULED and start >= self.midnight:
                person.next_seen = min(person.next_seen or start.date(), start.date())
                if hygiene:
                    person.next_recall = min(person.next_recall or start.date(), start.date())
            return None
        person.first_seen = min(person.first_seen or start.date(), start.date())
        person.last_seen = max(person.last_seen or start.date(), start.date())
        visit = Visit(person, start.date(), apt, procs)
        self.completed.append(visit)
        return visit

    def _fate(self, start: datetime) -> AptStatus:
        if start >= self.midnight:
            return AptStatus.SCHEDULED
        return self.rng.choices(
            (AptStatus.COMPLETE, AptStatus.UNSCHED_LIST, AptStatus.BROKEN, AptStatus.SCHEDULED), (88, 6.5, 4.5, 1)
        )[0]

    def appointment(
        self,
        person: Person,
        start: datetime,
        room: int,
        slots: int,
        status: AptStatus,
        *,
        hygiene: bool,
        new: bool,
        kind: str,
        works: Sequence[Work],
    ) -> Row:
        rng, made = self.rng, self.made
        lead = rng.randrange(90, 210) if hygiene else rng.randrange(3, 28)
        made_on = min(start - timedelta(days=lead, minutes=5 * rng.randrange(60)), self.midnight - timedelta(minutes=5))
        day = datetime.combine(start.date(), datetime.min.time())
        operatory = self.rows.get("operatory", room)
        unflagged = hygiene and rng.random() < 0.1
        confirmation = made.definitions[DefCat.CONFIRMATION]
        row: Row = {
            "PatNum": person.key,
            "AptStatus": int(status),
            "Pattern": "/" + "X" * (slots - 2) + "/",
            "PatternSecondary": "",
            "Confirmed": confirmation[0],
            "TimeLocked": 0,
            "Op": 0 if status is AptStatus.UNSCHED_LIST else room,
            "Note": rng.choice(names.VISIT_NOTES),
            "ProvNum": person.hygienist if unflagged else operatory["ProvDentist"] or person.dentist,
            "ProvHyg": operatory["ProvHygienist"] if hygiene and not unflagged else 0,
            "AptDateTime": at(start),
            "NextAptNum": 0,
            "UnschedStatus": 0,
            "IsNewPatient": int(new),
            "ProcDescript": ", ".join(
                (f"#{work.tooth}-" if work.tooth else "") + self._short(work.code) for work in works
            ),
            "ClinicNum": operatory["ClinicNum"],
            "IsHygiene": int(hygiene and not unflagged),
            "DateTimeArrived": at(day),
            "DateTimeSeated": at(day),
            "DateTimeDismissed": at(day),
            "InsPlan1": person.covers[0].plan.key if person.covers else 0,
            "InsPlan2": person.covers[1].plan.key if len(person.covers) > 1 else 0,
            "DateTimeAskedToArrive": NO_TIME,
            "AppointmentTypeNum": made.types.get(kind, 0) if rng.random() < 0.6 else 0,
            "Priority": int(rng.random() < 0.04 and start > self.midnight),
            "SecUserNumEntry": made.users[1],
            "SecDateTEntry": at(made_on),
            "DateTStamp": at(made_on),
        }
        if status is AptStatus.COMPLETE:
            seated, left = start + timedelta(minutes=rng.randrange(12)), start + timedelta(minutes=5 * slots)
            row |= {
                "Confirmed": confirmation[8],
                "DateTimeArrived": at(start - timedelta(minutes=rng.randrange(1, 15))),
                "DateTimeSeated": at(seated),
                "DateTimeDismissed": at(left),
                "DateTStamp": at(min(left, self.midnight)),
            }
        elif status in (AptStatus.BROKEN, AptStatus.UNSCHED_LIST):
            row |= {"DateTStamp": at(min(start + timedelta(minutes=20), self.midnight))}
        elif start < self.midnight + timedelta(days=4) and rng.random() < 0.8:
            answer = confirmation[rng.choice((1, 2, 2, 2, 3, 5))]
            row |= {"Confirmed": answer, "DateTStamp": at(self.midnight - timedelta(minutes=rng.randrange(60, 900)))}
        return row

    def _short(self, code: str) -> str:
        return str(self.rows.get("procedurecode", self.made.codes[code])["AbbrDesc"])

    def _history(self, row: Row, *, deleted: bool = False) -> None:
        """Write what happened to the visit: made, confirmed, then its fate; a row after each change."""
        steps: list[tuple[HistApptAction, str, Row]] = []
        scheduled = {"AptStatus": int(AptStatus.SCHEDULED), "Confirmed": self.made.definition(DefCat.CONFIRMATION)}
        steps.append((HistApptAction.CREATED, row["SecDateTEntry"], scheduled))
        if row["DateTStamp"] != row["SecDateTEntry"]:
            if row["DateTStamp"] >= at(self.midnight - timedelta(days=200)) and row["AptStatus"] == AptStatus.COMPLETE:
                moment = at(datetime.fromisoformat(row["AptDateTime"]) - timedelta(days=1))
                if moment > row["SecDateTEntry"]:
                    confirmed = {"Confirmed": self.made.definition(DefCat.CONFIRMATION, 2)}
                    steps.append((HistApptAction.CHANGED, moment, scheduled | confirmed))
            steps.append((HistApptAction.CHANGED, row["DateTStamp"], {}))
        if deleted:
            steps.append((HistApptAction.DELETED, row["DateTStamp"], {}))
        for action, moment, changes in steps:
            after = {name: row[name] for name in HISTORY_COLUMNS if name in row} | changes
            after |= {
                "HistUserNum": self.made.users[1],
                "HistDateTStamp": moment,
                "HistApptAction": int(action),
                "ApptSource": 0,
                "DateTStamp": moment,
            }
            self.rows.add("histappointment", after)

    def _broken(self, person: Person, row: Row) -> None:
        """Chart the missed or cancelled visit as half of offices do, and say why in a commlog."""
        day = datetime.fromisoformat(row["AptDateTime"]).date()
        late = self.rng.random() < 0.6
        fee = 45.0 if self.rng.random() < 0.3 else 0.0
        proc = self.procedure(person, Work("D9987" if late else "D9986"), ProcStatus.C, day, ProcFee=fee)
        self.rows["histappointment"][-1]["HistApptAction"] = int(
            HistApptAction.CANCELLED if late else HistApptAction.MISSED
        )
        self.rows.add(
            "commlog",
            {
                "PatNum": person.key,
                "CommDateTime": row["DateTStamp"],
                "CommType": self.made.definition(DefCat.COMMLOG_TYPES),
                "Note": "Cancelled late." if late else "Did not come.",
                "Mode_": 3,
                "SentOrReceived": 2,
                "UserNum": self.made.users[1],
                "DateTStamp": row["DateTStamp"],
                "DateTEntry": row["DateTStamp"],
            },
        )
        self.rows.add(
            "procnote",
            {
                "PatNum": person.key,
                "ProcNum": proc,
                "EntryDateTime": row["DateTStamp"],
                "UserNum": self.made.users[1],
                "Note": f"Visit of {day} not kept.",
            },
        )

    def deleted_visit(self, person: Person, day: date) -> None:
        """Leave the history of a visit that was taken off the schedule for good; its number is never used again."""
        start = datetime.combine(self.calendar.open_day(day, -1), datetime.min.time()) + timedelta(hours=10)
        room = self.made.dentist_rooms[0]
        row = self.appointment(person, start, room, 6, AptStatus.BROKEN, hygiene=False, new=False, kind="", works=())
        row["AptNum"] = self.rows.add("appointment", {"gone": True})
        self._history(row, deleted=True)


def add_visits(rows: Rows, rng: Random, made: Setup, calendar: Calendar, people: list[Person]) -> Diary:
    """Give everybody the visits that their status and age make likely, and return the diary of them."""
    diary = Diary(rows, rng, made, calendar)
    for person in people:
        _life(diary, person)
    _today(diary, people)
    _odd_visits(diary, people)
    _odd_procedures(diary, people)
    rows.tables["appointment"] = [row for row in rows["appointment"] if "gone" not in row]
    for person in people:
        if person.first_seen:
            person.row["DateFirstVisit"] = on(person.first_seen)
            entered = on(person.first_seen - timedelta(days=5))
            person.row["SecDateEntry"] = min(person.row["SecDateEntry"], entered)
            person.row["DateTStamp"] = max(person.row["DateTStamp"], f"{person.first_seen} 08:00:00")
    return diary


def _life(diary: Diary, person: Person) -> None:
    rng, today = diary.rng, diary.today
    if person.merged or person.status in (PatStatus.DELETED, PatStatus.NON_PATIENT):
        return
    if person.status is PatStatus.PROSPECTIVE:
        if rng.random() < 0.6:
            day = today + timedelta(days=rng.randrange(1, 25))
            diary.visit(person, day, _new(person, rng), 16, hygiene=True, new=True, kind="New Patient")
        return
    if person.status is not PatStatus.PATIENT:
        years = {PatStatus.INACTIVE: 2.2, PatStatus.DECEASED: 1.2}.get(person.status, 4.5)
        last = today - timedelta(days=round(365 * (years + rng.random() * 1.5)))
        for back in range(rng.choice((1, 1, 2))):
            _recall(diary, person, last - timedelta(days=182 * back))
        return
    lapse = rng.choices((0, rng.randrange(10, 180), rng.randrange(180, 420)), (70, 18, 12))[0]
    last = today - timedelta(days=rng.randrange(1, 184) + lapse)
    new = rng.random() < 0.2
    for back in range(0 if new else rng.choice((1, 2, 2)), 0, -1):
        _recall(diary, person, last - timedelta(days=182 * back + rng.randrange(-10, 10)))
    if new:
        diary.visit(person, last, _new(person, rng), 16, hygiene=True, new=True, kind="New Patient")
    else:
        _recall(diary, person, last)
    due = last + timedelta(days=122 if person.perio else 184)
    if due > today and rng.random() < 0.78:
        _recall(diary, person, due)
    if rng.random() < (0.5 if person.age >= 18 else 0.2):
        _treat(diary, person, last)
    if rng.random() < 0.06:
        day = today - timedelta(days=rng.randrange(5, 400))
        works = (Work("D0140"), Work("D0220", rng.choice(BACK_TEETH)))
        diary.visit(person, day, works, 6, hygiene=False, kind="Emergency")
    if rng.random() < 0.1:
        diary.deleted_visit(person, today - timedelta(days=rng.randrange(5, 300)))


def _new(person: Person, rng: Random) -> list[Work]:
    works = [Work("D0150"), Work(rng.choice(("D0210", "D0330")))]
    return [*works, Work("D1110") if person.age >= 14 else Work("D1120")]


def _recall(diary: Diary, person: Person, day: date) -> Visit | None:
    rng = diary.rng
    if person.perio:
        works = [Work("D4910")] + ([Work("D0120")] if rng.random() < 0.5 else [])
    elif person.age < 14:
        works = [Work("D0120"), Work("D1120"), Work("D1206")]
    else:
        works = [Work("D0120"), Work("D1110")]
    if rng.random() < 0.5 and person.age > 5:
        works.append(Work("D0274" if person.age > 12 else "D0272"))
    return diary.visit(person, day, works, rng.choice((10, 12, 12)), hygiene=True, kind="Recall")


def _treatment(person: Person, rng: Random) -> tuple[list[Work], int, str]:
    """Works of one operative visit, its length in slots, and its type."""
    tooth = rng.choice(BACK_TEETH)
    if person.age < 13:
        return [Work("D2392", rng.choice(BABY_TEETH), rng.choice(("MO", "DO")))], 6, "Filling"
    fillings = [Work("D2391", tooth, "O"), Work("D2392", tooth, rng.choice(("MO", "DO"))), Work("D2393", tooth, "MOD")]
    front = Work("D2331", rng.choice(FRONT_TEETH), rng.choice(("MF", "DL", "MI")))
    quarters = [Work("D4341", surf=quad) for quad in rng.sample(QUADRANTS, 2)]
    denture = rng.choice((Work("D5110", surf="U"), Work("D5120", surf="L")))
    root = Work("D3330" if tooth in MOLARS else "D3320", tooth)
    kinds: tuple[tuple[int, list[Work], int, str], ...] = (
        (50, rng.sample([rng.choice(fillings), front], rng.choice((1, 1, 2))), rng.choice((8, 10, 12)), "Filling"),
        (18, [Work("D2740", tooth), Work("D2950", tooth)], rng.choice((16, 18, 20)), "Crown"),
        (9, [root], 18, ""),
        (10, [Work("D7140", tooth)], 8, ""),
        (8, quarters, 18, ""),
        (3, [Work("D6010", tooth)], 18, ""),
        (2, [denture], 12, ""),
    )
    _, works, slots, kind = rng.choices(kinds, [weight for weight, *_ in kinds])[0]
    return works, slots, kind


def _treat(diary: Diary, person: Person, exam: date) -> None:
    """Plan work at an exam; about half of it is done, some is booked, the rest waits."""
    rng, today, rows = diary.rng, diary.today, diary.rows
    for _ in range(rng.choice((1, 1, 2))):
        works, slots, kind = _treatment(person, rng)
        draw, day = rng.random(), exam + timedelta(days=rng.randrange(7, 29))
        if day > today and draw < 0.6:
            diary.visit(person, day, works, slots, hygiene=False, kind=kind)
        elif draw < 0.5:
            if (visit := diary.visit(person, day, works, slots, hygiene=False, kind=kind)) and works[0].code == "D7140":
                rows.add(
                    "toothinitial",
                    {
                        "PatNum": person.key,
                        "ToothNum": works[0].tooth,
                        "InitialType": 0,
                        "SecDateTEntry": f"{visit.day} 12:00:00",
                        "SecDateTEdit": f"{visit.day} 12:00:00",
                    },
                )
        elif draw < 0.62:
            _planned(diary, person, works, slots, exam)
        else:
            first = not any(row["ProcStatus"] == ProcStatus.TPI for row in rows["procedurelog"][-400:])
            status = ProcStatus.TPI if first or rng.random() < 0.08 else ProcStatus.TP
            procs = [diary.procedure(person, work, status, exam) for work in works]
            _treatment_plan(diary, person, exam, procs, works)


def _planned(diary: Diary, person: Person, works: Sequence[Work], slots: int, exam: date) -> None:
    row = diary.appointment(
        person,
        datetime.combine(exam, datetime.min.time()),
        diary.made.dentist_rooms[0],
        slots,
        AptStatus.PLANNED,
        hygiene=False,
        new=False,
        kind="",
        works=works,
    )
    row |= {"Op": 0, "ItemOrderPlanned": 1, "ClinicNum": person.clinic, "ProvNum": person.dentist}
    row |= {"Confirmed": diary.made.definition(DefCat.CONFIRMATION), "Priority": 0, "DateTStamp": f"{exam} 11:00:00"}
    apt = diary.rows.add("appointment", row)
    procs = [diary.procedure(person, work, ProcStatus.TP, exam, PlannedAptNum=apt) for work in works]
    _treatment_plan(diary, person, exam, procs, works)


def _treatment_plan(
    diary: Diary, person: Person, exam: date, procs: Sequence[int], works: Sequence[Work], *, saved: bool = True
) -> None:
    """Tie the work to the patient's active plan; some plans were also saved, as frozen copies."""
    rows, made = diary.rows, diary.made
    stamp = f"{exam} 11:30:00"
    plan = {"PatNum": person.key, "DateTP": on(exam), "Note": "", "ResponsParty": person.row["Guarantor"]}
    plan |= {"SecDateEntry": on(exam), "SecDateTEdit": stamp, "DateTSigned": NO_TIME, "DateTPracticeSigned": NO_TIME}
    active = (
        next(
            (
                r["TreatPlanNum"]
                for r in reversed(rows["treatplan"])
                if r["PatNum"] == person.key and r["TPStatus"] == 1
            ),
            0,
        )
        if rows["treatplan"] and rows["treatplan"][-1]["PatNum"] == person.key
        else 0
    )
    active = active or rows.add("treatplan", plan | {"Heading": "Active Treatment Plan", "TPStatus": 1})
    for proc in procs:
        rows.add("treatplanattach", {"TreatPlanNum": active, "ProcNum": proc, "Priority": 0})
    if saved and diary.rng.random() < 0.4:
        key = rows.add("treatplan", plan | {"Heading": "Proposed Work", "TPStatus": 0})
        for order, (proc, work) in enumerate(zip(procs, works, strict=True)):
            fee = made.office_fee[work.code]
            rows.add(
                "proctp",
                {
                    "TreatPlanNum": key,
                    "PatNum": person.key,
                    "ProcNumOrig": proc,
                    "ItemOrder": order,
                    "ToothNumTP": work.tooth,
                    "Surf": work.surf,
                    "ProcCode": work.code,
                    "Descript": rows.get("procedurecode", made.codes[work.code])["Descript"],
                    "FeeAmt": fee,
                    "PatAmt": fee,
                    "ProvNum": person.dentist,
                    "DateTP": on(exam),
                    "ClinicNum": person.clinic,
                    "SecDateTEdit": stamp,
                    "SecDateEntry": on(exam),
                },
            )


def _today(diary: Diary, people: list[Person]) -> None:
    """Fill today a little, and let its first visits be under way: arrived, in the chair, done."""
    rng, rows = diary.rng, diary.rows
    free = [p for p in people if p.status is PatStatus.PATIENT and not p.merged and p.next_seen is None]
    for person in rng.sample(free, min(len(free), 4 + len(people) // 80)):
        works, slots, kind = _treatment(person, rng)
        diary.visit(person, diary.today, works, slots, hygiene=False, kind=kind)
    confirmation = diary.made.definitions[DefCat.CONFIRMATION]
    early = sorted(
        (
            row
            for row in rows["appointment"]
            if "gone" not in row and row["AptStatus"] == 1 and row["AptDateTime"][:10] == on(diary.today)
        ),
        key=lambda row: row["AptDateTime"],
    )
    for row, (word, column) in zip(early, ((7, "DateTimeSeated"), (6, "DateTimeArrived")), strict=False):
        start = datetime.fromisoformat(row["AptDateTime"])
        row["Confirmed"], row["DateTStamp"] = confirmation[word], at(diary.midnight)
        row["DateTimeArrived"] = at(start - timedelta(minutes=6))
        if column == "DateTimeSeated":
            row[column] = at(start - timedelta(minutes=1))


def _odd_visits(diary: Diary, people: list[Person]) -> None:
    """Visits that break naive readers: overlaps, a borrowed provider, sticky notes, the hour of the clock change."""
    rng, rows, made = diary.rng, diary.rows, diary.made
    active = [p for p in people if p.status is PatStatus.PATIENT and not p.merged]
    if not active:
        return
    tomorrow = datetime.combine(diary.calendar.open_day(diary.today + timedelta(days=1)), datetime.min.time())

    def odd(start: datetime, room: int, slots: int, status: AptStatus = AptStatus.SCHEDULED, **changes: object) -> None:
        person = rng.choice(active)
        row = diary.appointment(person, start, room, slots, status, hygiene=False, new=False, kind="", works=())
        row |= changes
        rows.add("appointment", row)

    # Two in one chair at one time, the second in the overflow of the first's provider.
    odd(tomorrow + timedelta(hours=9), made.dentist_rooms[0], 8, Note="Squeezed in.")
    odd(tomorrow + timedelta(hours=9, minutes=20), made.dentist_rooms[0], 6, Note=names.LONG_NOTE)
    odd(tomorrow + timedelta(hours=9), made.overflow_room, 6, ProvNum=made.dentists[0], ClinicNum=made.clinics[0])
    odd(
        tomorrow + timedelta(hours=8),
        made.overflow_room,
        4,
        AptStatus.PT_NOTE,
        Note="Lab pick-up at noon.",
        Confirmed=0,
    )
    odd(tomorrow - timedelta(days=9), made.overflow_room, 4, AptStatus.PT_NOTE_COMPLETED, Note="Fridge repaired.")
    odd(tomorrow + timedelta(hours=16), made.dentist_rooms[-1], 12, Pattern="//XXXX//XX//")
    year = diary.today.year
    march = date(year, 3, 8) + timedelta(days=(6 - date(year, 3, 8).weekday()) % 7)
    november = date(year, 11, 1) + timedelta(days=(6 - date(year, 11, 1).weekday()) % 7)
    for change, clock in ((march, timedelta(hours=2, minutes=30)), (november, timedelta(hours=1, minutes=30))):
        # An emergency in the hour that does not exist, and in the one that comes twice.
        status = AptStatus.COMPLETE if change < diary.today else AptStatus.SCHEDULED
        odd(datetime.combine(change, datetime.min.time()) + clock, made.dentist_rooms[0], 6, status, Note="Night call.")
    for row in rng.sample(rows["appointment"], min(4, len(rows["appointment"]))):
        if "gone" not in row and row["AptStatus"] == AptStatus.SCHEDULED:
            row["DateTimeArrived"] = NO_TIME


def _odd_procedures(diary: Diary, people: list[Person]) -> None:
    """Every status there is, a group note, and a procedure that was deleted."""
    rng, rows = diary.rng, diary.rows
    treated = [p for p in people if p.first_seen and p.status is PatStatus.PATIENT]
    for number, person in enumerate(treated):
        if number > 6 and rng.random() > 0.15:
            continue
        status = (ProcStatus.EC, ProcStatus.EO, ProcStatus.R, ProcStatus.D, ProcStatus.CN)[number % 5]
        works = {
            ProcStatus.EO: Work("D2740", "19"),
            ProcStatus.R: Work("D7240", "17"),
            ProcStatus.D: Work("D2391", "3", "O"),
            ProcStatus.CN: Work("N4102", "14", "O"),
        }
        day = (person.first_seen or diary.today) + timedelta(days=0)
        diary.procedure(person, works.get(status, Work("D2391", "30", "O")), status, day)
    for visit in diary.completed[:: max(1, len(diary.completed) // (3 + len(people) // 60))]:
        group = diary.procedure(visit.person, Work("~GRP~"), ProcStatus.EC, visit.day)
        note = "Reviewed health history; all went well. Prüfung in sechs Monaten."
        stamp = f"{visit.day} 16:00:00"
        rows.add(
            "procnote",
            {"PatNum": visit.person.key, "ProcNum": group, "EntryDateTime": stamp, "UserNum": 1, "Note": note},
        )
        for proc in visit.procs:
            rows.add("procgroupitem", {"ProcNum": proc, "GroupNum": group})
