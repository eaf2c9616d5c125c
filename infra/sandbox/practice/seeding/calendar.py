"""Working days, schedules day by day, and where an appointment still fits."""

from datetime import date, datetime, time, timedelta
from random import Random

from infra.sandbox.practice.enums import DefCat, SchedType
from infra.sandbox.practice.seeding.rows import Rows, on
from infra.sandbox.practice.seeding.setup import Setup

OPENS, SLOTS_A_DAY = time(8), 108
"""Eight in the morning to five in the afternoon, in slots of five minutes."""
LUNCH = ((1 << 12) - 1) << 48
BACK, AHEAD = 60, 120
"""Days for which somebody copied the schedule."""


class Calendar:
    """When the office works, and which minutes of its chairs are taken."""

    def __init__(self, today: date) -> None:
        self.today = today
        self._taken: dict[tuple[int, date], int] = {}

    def is_holiday(self, day: date) -> bool:
        """Fixed days of the year, and one outing of the staff in each quarter."""
        return (day.month, day.day) in {(1, 1), (7, 4), (12, 24), (12, 25)} or (
            day.month % 3 == 2 and day.day == 17 and day != self.today
        )

    def is_open(self, day: date) -> bool:
        """Monday to Thursday, every second Friday, and today, so that a demonstration has a day to show."""
        if day == self.today:
            return True
        worked = day.weekday() < 4 or (day.weekday() == 4 and day.isocalendar().week % 2 == 0)
        return worked and not self.is_holiday(day)

    def open_day(self, day: date, step: int = 1) -> date:
        """`day`, or the next working day in the direction of `step`."""
        while not self.is_open(day):
            day += timedelta(days=step)
        return day

    def take(self, rng: Random, room: int, day: date, slots: int) -> datetime | None:
        """Take `slots` of five minutes in a chair, starting on ten minutes; None if the day is full."""
        taken = self._taken.get((room, day), LUNCH)
        wanted = (1 << slots) - 1
        starts = [2 * rng.randrange((SLOTS_A_DAY - slots) // 2 + 1) for _ in range(4)]
        for start in (*starts, *range(0, SLOTS_A_DAY - slots + 1, 2)):
            if not taken & (wanted << start):
                self._taken[room, day] = taken | (wanted << start)
                return datetime.combine(day, OPENS) + timedelta(minutes=5 * start)
        return None


def add_schedules(rows: Rows, made: Setup, calendar: Calendar) -> None:
    """Working hours, notes, holidays and blockouts of each day, as far as somebody copied them."""
    blockouts = made.definitions[DefCat.BLOCKOUTS]
    rooms = dict(zip((*made.dentists, *made.hygienists), (*made.dentist_rooms, *made.hygiene_rooms), strict=True))

    def block(day: date, kind: SchedType, start: str, stop: str, *chairs: int, **more: object) -> None:
        key = rows.add(
            "schedule",
            {
                "SchedDate": on(day),
                "StartTime": start,
                "StopTime": stop,
                "SchedType": int(kind),
                "ProvNum": 0,
                "BlockoutType": 0,
                "EmployeeNum": 0,
                "Note": "",
                "Status": 0,
                "ClinicNum": 0,
                "DateTStamp": made.stamp,
                **more,
            },
        )
        for chair in chairs:
            rows.add("scheduleop", {"ScheduleNum": key, "OperatoryNum": chair})

    for offset in range(-BACK, AHEAD + 1):
        day = calendar.today + timedelta(days=offset)
        if calendar.is_holiday(day):
            block(day, SchedType.PRACTICE, "00:00:00", "00:00:00", Status=2, Note="Holiday")
            continue
        if not calendar.is_open(day):
            continue
        if day.day == 1:
            block(day, SchedType.PRACTICE, "00:00:00", "00:00:00", Note="Month end reports")
        for number, provider in enumerate(rooms):
            # Every second provider's hours name their chair; the others' hold wherever they are the default.
            chairs = (rooms[provider],) if number % 2 == 0 else ()
            block(day, SchedType.PROVIDER, "08:00:00", "12:00:00", *chairs, ProvNum=provider)
            block(day, SchedType.PROVIDER, "13:00:00", "17:00:00", *chairs, ProvNum=provider)
        block(day, SchedType.EMPLOYEE, "07:45:00", "17:00:00", EmployeeNum=made.employees[day.day % 3])
        if day.weekday() == 0:
            block(day, SchedType.BLOCKOUT, "12:00:00", "13:00:00", *rooms.values(), BlockoutType=blockouts[0])
        block(day, SchedType.BLOCKOUT, "11:30:00", "12:00:00", made.dentist_rooms[0], BlockoutType=blockouts[1])
        if offset == 9:
            block(day, SchedType.BLOCKOUT, "15:00:00", "17:00:00", made.hygiene_rooms[-1], BlockoutType=blockouts[3])
    block(calendar.open_day(calendar.today + timedelta(days=1)), SchedType.WEB_SCHED_ASAP, "10:00:00", "11:00:00")
