"""What an office sets up once: definitions, preferences, codes, fees, staff, rooms."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from infra.sandbox.practice.enums import NO_DATE, DefCat, TreatArea
from infra.sandbox.practice.seeding import names
from infra.sandbox.practice.seeding.rows import Rows, on

DEFINITIONS: dict[DefCat, str] = {
    DefCat.ADJUSTMENT_TYPES: "Professional Discount:-|Senior Discount:-|Small Balance Write-off:-|Finance Charge:+"
    "|Late Charge:+|Missed Visit Fee:+|Discount Plan:dp",
    DefCat.CONFIRMATION: "Unconfirmed|eConfirmation Sent|Confirmed|Call Requested|Message Failed|Left Message|Arrived"
    "|In Chair|Checked Out",
    DefCat.BILLING_TYPES: "Standard Account|Statement by E-mail:E|Collections:C|No Statements:CE",
    DefCat.PAYMENT_TYPES: "Check|Cash:N|Credit Card|Outside Financing|Bank Transfer|Online Payment",
    DefCat.CODE_CATEGORIES: "Exams and Images|Prevention|Fillings|Crowns and Bridges|Root Canals|Gums|Dentures|Implants"
    "|Surgery|Orthodontics|Other|Never Used",
    DefCat.RECALL_STATUS: "Texted|E-mailed|Left Message|Will Call Back|Not Interested",
    DefCat.DIAGNOSES: "Decay|Recurrent Decay|Fracture|Pulp Inflamed|Gum Disease|Missing Tooth|Worn|Routine",
    DefCat.IMAGE_CATEGORIES: "Radiographs:X|Photos:XP|Patient Forms:FL|Statements:S|Treatment Plans:R"
    "|Insurance Letters|Claim Attachments:C|Lab Slips:B",
    DefCat.PRIORITIES: "1|2|3|Urgent|Wait|Declined",
    DefCat.BLOCKOUTS: "Staff Meeting:NS|Emergency Time|Crown Preparation Only|Equipment Service:NS",
    DefCat.COMMLOG_TYPES: "Appointment:APPT|Insurance|Financial|Recall:RECALL|Miscellaneous:MISC|Text:TEXT"
    "|Reactivation:REACT",
    DefCat.UNEARNED_TYPES: "Prepayment|Deposit on Planned Work:X",
    DefCat.PROGNOSIS: "Good|Fair|Guarded|Poor",
    DefCat.CLAIM_TRACKING: "Called Carrier:14|Appeal Sent:30|Records Sent:21",
    DefCat.INS_PAYMENT_TYPES: "Check|Bank Transfer|Virtual Card",
    DefCat.TASK_PRIORITIES: "Normal:D|High|Low",
    DefCat.SPECIALTIES: "General|Hygienist|Orthodontics|Endodontics|Oral Surgery|Periodontics",
    DefCat.CLAIM_PAYMENT_TRACKING: "Denied, Not Covered|Denied, Frequency|Denied, Maximum Met|Downgraded"
    "|Information Requested",
    DefCat.INS_VERIFICATION: "Verified on Line|Verified by Phone|Could Not Verify",
    DefCat.CLAIM_PAYMENT_GROUPS: "Morning Mail|Electronic",
    DefCat.WEB_SCHED_NEW: "New Patient Exam",
    DefCat.PAY_PLAN_CATEGORIES: "Orthodontic|Surgery",
    DefCat.WEB_SCHED_EXISTING: "Cleaning|Toothache",
    DefCat.OPERATORY_TYPES: "Treatment|Hygiene",
}
"""`name:value` of each definition, in the office's order. The order means something in category 2: the first is new."""

NONE, SURF, TOOTH, MOUTH, QUAD, ARCH = (
    TreatArea.NONE,
    TreatArea.SURF,
    TreatArea.TOOTH,
    TreatArea.MOUTH,
    TreatArea.QUAD,
    TreatArea.ARCH,
)

CODES: tuple[tuple[str, str, str, TreatArea, str, float], ...] = (
    ("D0120", "Exam at a regular visit", "RecallEx", MOUTH, "/X", 72),
    ("D0140", "Exam of one problem", "LimitEx", NONE, "/X/", 88),
    ("D0150", "First full exam", "CompEx", MOUTH, "/XX/", 118),
    ("D0180", "Full gum exam", "PerioEx", MOUTH, "/XX/", 124),
    ("D0210", "Full set of small images", "FMX", MOUTH, "//", 168),
    ("D0220", "First single image at a root", "PA1", TOOTH, "/", 34),
    ("D0230", "Further single image at a root", "PAadd", TOOTH, "/", 30),
    ("D0272", "Two bite images", "2BW", NONE, "/", 58),
    ("D0274", "Four bite images", "4BW", NONE, "/", 78),
    ("D0330", "Panoramic image", "Pano", MOUTH, "/", 134),
    ("D0350", "Photos for the record", "Photo", MOUTH, "/", 45),
    ("D0431", "Soft tissue screening", "Screen", MOUTH, "/", 38),
    ("D0470", "Study models", "Models", MOUTH, "//", 96),
    ("D1110", "Cleaning, adult", "Prophy", MOUTH, "XXXX", 112),
    ("D1120", "Cleaning, child", "ChProphy", MOUTH, "XXX", 82),
    ("D1206", "Fluoride varnish", "FlVarn", MOUTH, "/", 46),
    ("D1208", "Fluoride, other", "Fluor", MOUTH, "/", 42),
    ("D1330", "Home care teaching", "OHI", NONE, "/", 32),
    ("D1351", "Sealant on one tooth", "Seal", TOOTH, "/X", 62),
    ("D1510", "Space keeper, one side", "SpaceM", QUAD, "/XX/", 340),
    ("D2140", "Silver filling, one face", "A1", SURF, "/XX/", 170),
    ("D2150", "Silver filling, two faces", "A2", SURF, "/XX/", 215),
    ("D2330", "Front tooth-coloured filling, one face", "CA1", SURF, "/XX/", 190),
    ("D2331", "Front tooth-coloured filling, two faces", "CA2", SURF, "/XX/", 235),
    ("D2332", "Front tooth-coloured filling, three faces", "CA3", SURF, "/XXX/", 285),
    ("D2391", "Back tooth-coloured filling, one face", "CP1", SURF, "/XX/", 205),
    ("D2392", "Back tooth-coloured filling, two faces", "CP2", SURF, "/XXX/", 262),
    ("D2393", "Back tooth-coloured filling, three faces", "CP3", SURF, "/XXX/", 318),
    ("D2394", "Back tooth-coloured filling, four faces", "CP4", SURF, "/XXX/", 388),
    ("D2740", "Crown, ceramic", "PFCer", TOOTH, "/XXXXXX/", 1380),
    ("D2750", "Crown, ceramic on noble metal", "PFM", TOOTH, "/XXXXXX/", 1340),
    ("D2790", "Crown, gold", "FGC", TOOTH, "/XXXXXX/", 1480),
    ("D2920", "Crown cemented again", "Recem", TOOTH, "/X/", 125),
    ("D2950", "Core to hold a crown", "BU", TOOTH, "X", 312),
    ("D2954", "Post and core", "PostC", TOOTH, "XX", 390),
    ("D2962", "Veneer, made in the lab", "Veneer", TOOTH, "/XXXX/", 1250),
    ("D3110", "Cover over the pulp", "PulpCap", TOOTH, "X", 92),
    ("D3220", "Pulp of a baby tooth treated", "Pulpo", TOOTH, "/XX/", 235),
    ("D3310", "Root canal, front", "RCTAnt", TOOTH, "/XXXXXX/", 940),
    ("D3320", "Root canal, premolar", "RCTPre", TOOTH, "/XXXXXX/", 1120),
    ("D3330", "Root canal, molar", "RCTMol", TOOTH, "/XXXXXXXX/", 1390),
    ("D4341", "Scaling of one quarter", "SRP", QUAD, "/XXX/", 286),
    ("D4342", "Scaling of one to three teeth", "SRP1-3", QUAD, "/XX/", 198),
    ("D4346", "Scaling of inflamed gums", "GingSc", MOUTH, "XXXX", 168),
    ("D4355", "Coarse cleaning before an exam", "Debride", MOUTH, "XXXX", 176),
    ("D4910", "Cleaning after gum treatment", "PerioM", MOUTH, "XXXX", 162),
    ("D4381", "Medicine into one gum pocket", "Arestin", TOOTH, "X", 88),
    ("D5110", "Upper full denture", "MaxFD", ARCH, "/XXX/", 2050),
    ("D5120", "Lower full denture", "MandFD", ARCH, "/XXX/", 2050),
    ("D5213", "Upper partial denture, cast", "MaxPD", ARCH, "/XXX/", 2280),
    ("D5214", "Lower partial denture, cast", "MandPD", ARCH, "/XXX/", 2280),
    ("D5511", "Repair of a lower denture", "DentRep", ARCH, "/X/", 240),
    ("D5750", "Upper denture lined again, lab", "Reline", ARCH, "/X/", 540),
    ("D6010", "Implant body placed", "Impl", TOOTH, "/XXXXXX/", 2250),
    ("D6057", "Custom implant post", "Abut", TOOTH, "/XX/", 980),
    ("D6058", "Ceramic crown on an implant post", "ImpCr", TOOTH, "/XXXX/", 1740),
    ("D6240", "Bridge, the tooth between", "Pontic", TOOTH, "/XXXX/", 1340),
    ("D6750", "Bridge, the tooth that holds", "Retain", TOOTH, "/XXXX/", 1340),
    ("D7140", "Tooth taken out", "Ext", TOOTH, "/XX/", 228),
    ("D7210", "Tooth taken out with surgery", "SurgExt", TOOTH, "/XXXX/", 362),
    ("D7220", "Buried tooth, in soft tissue", "ImpST", TOOTH, "/XXXX/", 398),
    ("D7240", "Buried tooth, in bone", "ImpBony", TOOTH, "/XXXXXX/", 560),
    ("D7953", "Bone graft to keep the ridge", "Graft", TOOTH, "XX", 620),
    ("D8080", "Braces, teenager", "OrthoAd", MOUTH, "/XXXX/", 5400),
    ("D8090", "Braces, adult", "OrthoAdult", MOUTH, "/XXXX/", 5800),
    ("D8670", "Braces, monthly visit", "OrthoVis", MOUTH, "/X/", 0),
    ("D8680", "Retainers", "Retn", MOUTH, "/X/", 480),
    ("D9110", "Pain relief at an urgent visit", "Pall", MOUTH, "/X/", 128),
    ("D9215", "Numbing", "Anesth", NONE, "X", 0),
    ("D9230", "Laughing gas", "N2O", MOUTH, "X", 78),
    ("D9310", "Second opinion", "Consult", NONE, "/X/", 130),
    ("D9430", "Visit without treatment", "OffVis", NONE, "/", 60),
    ("D9910", "Desensitizing", "Desens", MOUTH, "X", 58),
    ("D9944", "Night guard, hard", "Guard", ARCH, "/X/", 620),
    ("D9972", "Whitening, one arch", "Bleach", ARCH, "/XXX/", 260),
    ("D9986", "Visit missed", "Missed", NONE, "", 0),
    ("D9987", "Visit cancelled late", "Cancel", NONE, "", 0),
    ("N4101", "Seat the crown", "SeatCrn", TOOTH, "/XX/", 0),
    ("N4102", "Watch this spot", "Watch", SURF, "", 0),
    ("N4103", "Note in the chart", "Note", NONE, "", 0),
    ("D2740.i", "Crown, ceramic, inlay design", "CerIn", TOOTH, "/XXXXXX/", 1420),
    ("~GRP~", "Group note", "GrpNote", NONE, "", 0),
)
"""Code, our own words for it, abbreviation, area, time pattern in the office's increment, office fee in dollars."""

HYGIENE_CODES = {"D0120", "D0272", "D0274", "D1110", "D1120", "D1206", "D1208", "D1330", "D1351", "D4341", "D4342"} | {
    "D4346",
    "D4355",
    "D4910",
}
PROSTHETIC = ("D274", "D275", "D279", "D511", "D512", "D521", "D605", "D624", "D675", "D296")
NOT_BILLED = ("N", "D9986", "D9987", "~", "D9972")

COVERAGE = (
    ("General", "General", -1, "D0000", "D7999"),
    ("Diagnostic", "Diagnostic", 100, "D0000", "D0999"),
    ("X-Ray", "DiagnosticXRay", 100, "D0200", "D0399"),
    ("Preventive", "RoutinePreventive", 100, "D1000", "D1999"),
    ("Restorative", "Restorative", 80, "D2000", "D2699"),
    ("Endodontics", "Endodontics", 80, "D3000", "D3999"),
    ("Periodontics", "Periodontics", 80, "D4000", "D4999"),
    ("Oral Surgery", "OralSurgery", 80, "D7000", "D7999"),
    ("Crowns", "Crowns", 50, "D2700", "D2799"),
    ("Prosthodontics", "Prosthodontics", 50, "D5000", "D5899"),
    ("Maxillofacial", "MaxillofacialProsth", 50, "D5900", "D5999"),
    ("Accident", "Accident", -1, "", ""),
    ("Orthodontics", "Orthodontics", 50, "D8000", "D8999"),
    ("Adjunctive", "Adjunctive", 80, "D9000", "D9999"),
)
EBENEFIT = [
    "None",
    "General",
    "Diagnostic",
    "Periodontics",
    "Restorative",
    "Endodontics",
    "MaxillofacialProsth",
    "Crowns",
    "Accident",
    "Orthodontics",
    "Prosthodontics",
    "OralSurgery",
    "RoutinePreventive",
    "DiagnosticXRay",
    "Adjunctive",
]

RECALL_TYPES = (
    ("Prophy", 393217, "/XXXX/", "D0120,D1110", False, ("D1110", "D1120")),
    ("Child Prophy", 0, "/XXX/", "D0120,D1120,D1208", False, ()),
    ("Perio", 262144, "/XXXX/", "D4910", False, ("D4910", "D4341")),
    ("Four Bitewings", 16777216, "/", "D0274", True, ("D0274",)),
    ("Pano", 83886080, "/", "D0330", True, ("D0330",)),
    ("Full Set", 83886080, "//", "D0210", True, ("D0210",)),
    ("Exam", 393217, "X", "D0120", True, ("D0120", "D0150", "D0180")),
)
"""Name, interval (see `desk.plus_interval`), pattern, procedures, appended to the special ones, triggers."""


@dataclass
class Setup:
    """What the rest of the seeding looks up."""

    today: date
    definitions: dict[DefCat, list[int]] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    code_rows: dict[int, str] = field(default_factory=dict)
    office_fee: dict[str, float] = field(default_factory=dict)
    fee_schedules: dict[str, int] = field(default_factory=dict)
    clinics: list[int] = field(default_factory=list)
    dentists: list[int] = field(default_factory=list)
    hygienists: list[int] = field(default_factory=list)
    clinic_of_provider: dict[int, int] = field(default_factory=dict)
    dentist_rooms: list[int] = field(default_factory=list)
    hygiene_rooms: list[int] = field(default_factory=list)
    overflow_room: int = 0
    employees: list[int] = field(default_factory=list)
    users: list[int] = field(default_factory=list)
    types: dict[str, int] = field(default_factory=dict)
    categories: dict[str, int] = field(default_factory=dict)
    claim_form: int = 1
    stamp: str = ""
    """When the set-up rows were last touched: long before the patients' rows."""

    def definition(self, category: DefCat, place: int = 0) -> int:
        """DefNum of the `place`-th definition of a category, in the office's order."""
        return self.definitions[category][place]


def covered_as(code: str) -> tuple[str, int]:
    """Insurance category of a CDT code, and the share in percent that a usual plan pays.

    The ranges are the ones that Open Dental's set-up starts with; the most special one wins.
    """
    best, width = ("General", 0), 10_000
    number = int(code[1:5]) if code[:1] == "D" and code[1:5].isdigit() else -1
    for name, _, percent, start, end in COVERAGE:
        if start and int(start[1:]) <= number <= int(end[1:]):
            span = int(end[1:]) - int(start[1:])
            if span < width:
                best, width = (name, max(percent, 0)), span
    return best


def set_up(rows: Rows, rng: Random, today: date, *, patients: int) -> Setup:
    """Set the office up for about `patients` rows of patients, and return what was set up."""
    made = Setup(today, stamp=f"{today - timedelta(days=900)} 09:00:00")
    _definitions(rows, made)
    _fee_schedules(rows, made)
    _codes(rows, made)
    _coverage(rows, made)
    _places(rows, made)
    _staff(rows, rng, made, patients)
    _types(rows, made)
    _preferences(rows, made)
    return made


def _definitions(rows: Rows, made: Setup) -> None:
    for category, listed in DEFINITIONS.items():
        made.definitions[category] = [
            rows.add(
                "definition",
                {
                    "Category": int(category),
                    "ItemOrder": order,
                    "ItemName": entry.partition(":")[0],
                    "ItemValue": entry.partition(":")[2],
                    "IsHidden": int(entry == "Never Used"),
                },
            )
            for order, entry in enumerate(listed.split("|"))
        ]


def _fee_schedules(rows: Rows, made: Setup) -> None:
    for order, (name, kind) in enumerate((("Office", 0), ("PPO Standard", 0), ("PPO Low", 0), ("State Medicaid", 0))):
        made.fee_schedules[name] = rows.add(
            "feesched",
            {
                "Description": name,
                "FeeSchedType": kind,
                "ItemOrder": order,
                "IsHidden": 0,
                "IsGlobal": 1,
                "SecDateTEdit": made.stamp,
                "SecDateEntry": made.stamp[:10],
            },
        )


def _codes(rows: Rows, made: Setup) -> None:
    shares = {"Office": 1.0, "PPO Standard": 0.68, "PPO Low": 0.58, "State Medicaid": 0.42}
    for code, text, short, area, pattern, fee in CODES:
        digit = code[1:2]
        group = {"0": 0, "1": 1, "2": 2, "3": 4, "4": 5, "5": 6, "6": 7, "7": 8, "8": 9}.get(digit, 10)
        key = rows.add(
            "procedurecode",
            {
                "ProcCode": code,
                "Descript": text,
                "AbbrDesc": short,
                "LaymanTerm": text,
                "ProcTime": pattern,
                "ProcCat": made.definition(DefCat.CODE_CATEGORIES, group if code[0] == "D" else 10),
                "TreatArea": int(area),
                "NoBillIns": int(code.startswith(NOT_BILLED)),
                "IsHygiene": int(code in HYGIENE_CODES),
                "IsProsth": int(code.startswith(PROSTHETIC)),
                "BaseUnits": 0,
                "DateTStamp": made.stamp,
            },
        )
        made.codes[code], made.code_rows[key], made.office_fee[code] = key, code, float(fee)
        if fee or code.startswith("D99"):
            for schedule, share in shares.items():
                rows.add(
                    "fee",
                    {
                        "Amount": round(fee * share),
                        "FeeSched": made.fee_schedules[schedule],
                        "CodeNum": key,
                        "ClinicNum": 0,
                        "ProvNum": 0,
                        "SecDateTEdit": made.stamp,
                        "SecDateEntry": made.stamp[:10],
                    },
                )


def _coverage(rows: Rows, made: Setup) -> None:
    for order, (name, benefit, percent, start, end) in enumerate(COVERAGE):
        made.categories[name] = rows.add(
            "covcat",
            {
                "Description": name,
                "DefaultPercent": percent,
                "CovOrder": order,
                "IsHidden": 0,
                "EbenefitCat": EBENEFIT.index(benefit),
            },
        )
        if start:
            rows.add("covspan", {"CovCatNum": made.categories[name], "FromCode": start, "ToCode": end})
    made.claim_form = rows.add("claimform", {"Description": "Dental Claim Form", "IsHidden": 0})


def _places(rows: Rows, made: Setup) -> None:
    for number, (name, abbr) in enumerate((("Fernhollow Dental", "Fern"), ("Port Nimbus Dental", "Nimbus"))):
        city, state, zip_ = names.CITIES[number]
        made.clinics.append(
            rows.add(
                "clinic",
                {
                    "Description": name,
                    "Abbr": abbr,
                    "Address": f"{number + 1}0 {names.STREETS[number]}",
                    "City": city,
                    "State": state,
                    "Zip": zip_,
                    "Phone": f"555555019{number}",
                    "IsHidden": 0,
                    "ItemOrder": number,
                },
            )
        )


def _staff(rows: Rows, rng: Random, made: Setup, patients: int) -> None:
    dentists, hygienists = max(2, round(patients / 1100)), max(2, round(patients / 900))

    def provider(abbr: str, *, suffix: str, hygienist: bool = False, **changes: object) -> int:
        female = rng.random() < 0.55
        return rows.add(
            "provider",
            {
                "Abbr": abbr,
                "LName": rng.choice(names.LAST),
                "FName": rng.choice(names.FIRST_FEMALE if female else names.FIRST_MALE),
                "MI": "",
                "Suffix": suffix,
                "FeeSched": made.fee_schedules["Office"],
                "Specialty": made.definition(DefCat.SPECIALTIES, int(hygienist)),
                "IsSecondary": int(hygienist),
                "IsHidden": 0,
                "SigOnFile": 1,
                "IsNotPerson": 0,
                "ProvStatus": 0,
                "NationalProvID": f"0000000{rng.randrange(1000):03d}",
                "StateLicense": f"X{rng.randrange(10_000):04d}",
                "ItemOrder": len(rows["provider"]),
                "DateTStamp": made.stamp,
                **changes,
            },
        )

    made.dentists = [provider(f"DOC{n}", suffix="DDS") for n in range(1, dentists + 1)]
    made.hygienists = [provider(f"HYG{n}", suffix="RDH", hygienist=True) for n in range(1, hygienists + 1)]
    provider("CORP", suffix="", IsNotPerson=1, FName="", LName="Fernhollow Dental Group")
    provider("OLD1", suffix="DDS", IsHidden=1)

    # The first location is the larger one: two of three chairs stand there.
    def clinic(place: int) -> int:
        return made.clinics[1 if place % 3 == 1 else 0]

    def operatory(name: str, clinic_num: int, *, dentist: int = 0, hygienist: int = 0) -> int:
        return rows.add(
            "operatory",
            {
                "OpName": name,
                "Abbrev": name[:5],
                "ItemOrder": len(rows["operatory"]),
                "IsHidden": 0,
                "ProvDentist": dentist,
                "ProvHygienist": hygienist,
                "IsHygiene": int(bool(hygienist)),
                "ClinicNum": clinic_num,
                "SetProspective": 0,
                "IsWebSched": int(bool(hygienist)),
                "OperatoryType": made.definition(DefCat.OPERATORY_TYPES, int(bool(hygienist))),
                "DateTStamp": made.stamp,
            },
        )

    for number, dentist in enumerate(made.dentists):
        made.clinic_of_provider[dentist] = clinic(number)
        made.dentist_rooms.append(operatory(f"Room {number + 1}", clinic(number), dentist=dentist))
    for number, hygienist in enumerate(made.hygienists):
        made.clinic_of_provider[hygienist] = clinic(number)
        near = [d for d in made.dentists if made.clinic_of_provider[d] == clinic(number)]
        room = operatory(f"Hyg {number + 1}", clinic(number), dentist=near[number % len(near)], hygienist=hygienist)
        made.hygiene_rooms.append(room)
    # A column for notes and overflow: no provider, and at no location.
    made.overflow_room = operatory("Overflow", 0)

    made.employees = [
        rows.add(
            "employee",
            {"LName": last, "FName": first, "IsHidden": 0, "ClockStatus": "Home", "PayrollID": ""},
        )
        for last, first in (("Deskworthy", "Tamsin"), ("Ledgerby", "Orson"), ("Phonewick", "Nerys"))
    ]
    made.users = [
        rows.add("userod", {"UserName": name, "IsHidden": 0, "EmployeeNum": employee, "ProviderNum": 0, "ClinicNum": 0})
        for name, employee in zip(("Admin", "desk", "billing"), (0, *made.employees), strict=False)
    ]
    for name in ("FRONT-DESK", "SERVER"):
        rows.add("computer", {"CompName": name, "LastHeartBeat": made.stamp})


def _types(rows: Rows, made: Setup) -> None:
    for name, pattern, codes, required in (
        ("New Patient", "/XXXXXXXXXXXX//", "D0150,D0210,D1110", "D0150"),
        ("Recall", "/XXXXXXXXX/", "D0120,D1110", ""),
        ("Crown", "//XXXXXXXXXXXX//", "", ""),
        ("Filling", "/XXXXXXXX/", "", ""),
        ("Emergency", "/XXXX/", "D0140", ""),
    ):
        made.types[name] = rows.add(
            "appointmenttype",
            {
                "AppointmentTypeName": name,
                "AppointmentTypeColor": -16777216 + 4000 * len(made.types),
                "ItemOrder": len(made.types),
                "IsHidden": 0,
                "Pattern": pattern,
                "CodeStr": codes,
                "CodeStrRequired": required,
                "RequiredProcCodesNeeded": int(bool(required)),
                "BlockoutTypes": "",
            },
        )
    for name, interval, pattern, codes, appended, _ in RECALL_TYPES:
        rows.add(
            "recalltype",
            {
                "Description": name,
                "DefaultInterval": interval,
                "TimePattern": pattern,
                "Procedures": codes,
                "AppendToSpecial": int(appended),
            },
        )


def _preferences(rows: Rows, made: Setup) -> None:
    confirmation = made.definitions[DefCat.CONFIRMATION]
    values = {
        "ProgramVersion": "25.3.36.0",
        "DataBaseVersion": "25.3.36.0",
        "EasyNoClinics": "0",
        "RandomPrimaryKeys": "0",
        "PracticeTitle": "Fernhollow Dental Group",
        "PracticeDefaultProv": made.dentists[0],
        "PracticeDefaultBillType": made.definition(DefCat.BILLING_TYPES),
        "PracticePhone": "5555550190",
        "AppointmentTimeIncrement": 10,
        "AppointmentWithoutProcsDefaultLength": 30,
        "AppointmentTimeIsLocked": 0,
        "ApptsRequireProc": 0,
        "ApptsAllowOverlap": 1,
        "AppointmentSearchBehavior": 0,
        "ScheduleProvUnassigned": 0,
        "ApptPreventChangesToCompleted": 0,
        "ApptAllowFutureComplete": 0,
        "ApptAllowEmptyComplete": 1,
        "BrokenApptProcedure": 3,
        "BrokenApptCommLog": 1,
        "BrokenApptAdjustment": 0,
        "BrokenApptRequiredOnMove": 0,
        "UnscheduledListNoRecalls": 1,
        "AppointmentTimeArrivedTrigger": confirmation[6],
        "AppointmentTimeSeatedTrigger": confirmation[7],
        "AppointmentTimeDismissedTrigger": confirmation[8],
        "ApptEConfirmStatusSent": confirmation[1],
        "ApptEConfirmStatusAccepted": confirmation[2],
        "ApptEConfirmStatusDeclined": confirmation[3],
        "ApptEConfirmStatusSendFailed": confirmation[4],
        "ApptConfirmExcludeESend": ",".join(map(str, confirmation[5:])),
        "ApptConfirmExcludeEConfirm": ",".join(map(str, confirmation[6:])),
        "ApptConfirmExcludeERemind": ",".join(map(str, confirmation[6:])),
        "ApptConfirmExcludeEThankYou": ",".join(map(str, confirmation[6:])),
        "AutomaticCommunicationTimeStart": "07:00:00",
        "AutomaticCommunicationTimeEnd": "20:00:00",
        "TextMsgOkStatusTreatAsNo": 0,
        "TextingDefaultClinicNum": made.clinics[0],
        "RecallDaysPast": 365,
        "RecallDaysFuture": 30,
        "RecallTypesShowingInList": "1,3",
        "RecallTypeSpecialProphy": 1,
        "RecallTypeSpecialChildProphy": 2,
        "RecallTypeSpecialPerio": 3,
        "RecallMaxNumberReminders": 3,
        "RecallShowIfDaysFirstReminder": 14,
        "RecallShowIfDaysSecondReminder": 30,
        "RecallExcludeIfAnyFutureAppt": 0,
        "RecallAgeAdult": 12,
        "DateLastAging": on(made.today),
        "AgingBeginDateTime": "",
        "AgingServiceTimeDue": f"{NO_DATE} 03:00:00",
        "AgingCalculatedMonthlyInsteadOfDaily": 0,
        "AgingProcLifo": 0,
        "BalancesDontSubtractIns": 0,
        "PayPlansVersion": 2,
        "PayPlansBillInAdvanceDays": 0,
        "RigorousAccounting": 1,
        "RigorousAdjustments": 0,
        "PrepaymentUnearnedType": made.definition(DefCat.UNEARNED_TYPES),
        "TpUnearnedType": made.definition(DefCat.UNEARNED_TYPES, 1),
        "AllowPrepayProvider": 0,
        "PrePayAllowedForTpProcs": 1,
        "TpPrePayIsNonRefundable": 0,
        "FutureTransDatesAllowed": 0,
        "ApiPaymentType": made.definition(DefCat.PAYMENT_TYPES, 5),
        "ClaimPaymentBatchOnly": 0,
        "ClaimPaymentNoShowZeroDate": -1,
        "ShowAutoDeposit": 0,
        "ClaimPayByTotalSplitsAuto": 1,
        "PromptForSecondaryClaim": 1,
        "ClaimPrimaryReceivedRecalcSecondary": 1,
        "InsAutoReceiveNoAssign": 1,
        "InsPPOsecWriteoffs": 0,
        "InsEstRecalcReceived": 0,
        "ProcProvChangesClaimProcWithClaim": 1,
        "InsPpoAlwaysUseUcrFee": 1,
        "InsPlanUseUcrFeeForExclusions": 0,
        "InsPlansZeroWriteOffsOnAnnualMax": 0,
        "InsOutOfNetworkBlankLikeZero": 0,
        "CoPay_FeeSchedule_BlankLikeZero": 0,
        "FixedBenefitBlankLikeZero": 0,
        "InsBillingProv": 0,
        "InsHistBWCodes": "D0272,D0274",
        "InsHistPanoCodes": "D0210,D0330",
        "InsHistExamCodes": "D0120,D0150",
        "InsHistProphyCodes": "D1110,D1120",
        "InsHistPerioURCodes": "D4341,D4342",
        "InsHistPerioULCodes": "D4341,D4342",
        "InsHistPerioLRCodes": "D4341,D4342",
        "InsHistPerioLLCodes": "D4341,D4342",
        "InsHistPerioMaintCodes": "D4910",
        "InsHistDebridementCodes": "D4355",
        "InsChecksFrequency": 1,
        "ProcFeeUpdatePrompt": 0,
        "ProcLockingIsAllowed": 0,
        "PerioSkipMissingTeeth": 1,
        "TreatPlanSaveSignedToPdf": 0,
        "DefaultProcedurePlaceService": 0,
        "UseInternationalToothNumbers": 0,
        "LanguagesUsedByPatients": "eng,spa,deu",
        "PatientSSNMasked": 1,
        "ClinicAllowPatientsAtHeadquarters": 1,
    }
    for name, value in values.items():
        rows.add("preference", {"PrefName": name, "ValueString": str(value)})
