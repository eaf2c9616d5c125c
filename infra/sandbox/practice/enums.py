"""The numbers that Open Dental's database stores for the words of its API.

Source: the lists of each resource page, e.g. https://www.opendental.com/site/apiappointments.html;
the order of the words is the order of the numbers, with the few exceptions spelled out here.
"""

from enum import IntEnum


class PatStatus(IntEnum):
    PATIENT = 0
    NON_PATIENT = 1
    INACTIVE = 2
    ARCHIVED = 3
    DELETED = 4
    DECEASED = 5
    PROSPECTIVE = 6


class AptStatus(IntEnum):
    SCHEDULED = 1
    COMPLETE = 2
    UNSCHED_LIST = 3
    ASAP = 4
    """Dead since 17.4: `Priority` says it instead."""
    BROKEN = 5
    PLANNED = 6
    PT_NOTE = 7
    PT_NOTE_COMPLETED = 8


class HistApptAction(IntEnum):
    CREATED = 0
    CHANGED = 1
    MISSED = 2
    CANCELLED = 3
    DELETED = 4


class ProcStatus(IntEnum):
    TP = 1
    C = 2
    EC = 3
    EO = 4
    R = 5
    D = 6
    CN = 7
    TPI = 8


class TreatArea(IntEnum):
    NONE = 0
    SURF = 1
    TOOTH = 2
    MOUTH = 3
    QUAD = 4
    SEXTANT = 5
    ARCH = 6
    TOOTH_RANGE = 7


class ClaimProcStatus(IntEnum):
    NOT_RECEIVED = 0
    RECEIVED = 1
    PREAUTH = 2
    ADJUSTMENT = 3
    SUPPLEMENTAL = 4
    CAP_CLAIM = 5
    ESTIMATE = 6
    CAP_COMPLETE = 7
    CAP_ESTIMATE = 8
    INS_HIST = 9


class SchedType(IntEnum):
    PRACTICE = 0
    PROVIDER = 1
    BLOCKOUT = 2
    EMPLOYEE = 3
    WEB_SCHED_ASAP = 4


class DefCat(IntEnum):
    """Categories of `definition`."""

    ADJUSTMENT_TYPES = 1
    CONFIRMATION = 2
    BILLING_TYPES = 4
    PAYMENT_TYPES = 10
    CODE_CATEGORIES = 11
    RECALL_STATUS = 13
    DIAGNOSES = 16
    IMAGE_CATEGORIES = 18
    PRIORITIES = 20
    BLOCKOUTS = 25
    COMMLOG_TYPES = 27
    UNEARNED_TYPES = 29
    PROGNOSIS = 30
    CLAIM_TRACKING = 31
    INS_PAYMENT_TYPES = 32
    TASK_PRIORITIES = 33
    SPECIALTIES = 35
    CLAIM_PAYMENT_TRACKING = 36
    INS_VERIFICATION = 38
    CLAIM_PAYMENT_GROUPS = 40
    WEB_SCHED_NEW = 42
    PAY_PLAN_CATEGORIES = 47
    WEB_SCHED_EXISTING = 51
    OPERATORY_TYPES = 55


class PermType(IntEnum):
    """Kinds of audit entry (`securitylog.PermType`); the numbers are those of the database schema."""

    PAYMENT_CREATE = 15
    PAYMENT_EDIT = 16
    ADJUSTMENT_CREATE = 17
    ADJUSTMENT_EDIT = 18
    PROC_COMPL_CREATE = 23
    APPOINTMENT_CREATE = 25
    APPOINTMENT_MOVE = 26
    APPOINTMENT_EDIT = 27
    INS_PAY_CREATE = 36
    INS_PAY_EDIT = 37
    TREAT_PLAN_EDIT = 38
    COMMLOG_EDIT = 43
    PROC_DELETE = 49
    APPOINTMENT_COMPLETE_EDIT = 96
    CLAIM_SEND = 104
    PATIENT_CREATE = 106
    PATIENT_EDIT = 108
    CLAIM_DELETE = 118
    APPT_CONFIRM_STATUS_EDIT = 120
    CLAIM_EDIT = 150
    RECALL_EDIT = 156
    AGING_RAN = 171
    PROC_COMPL_EDIT = 185
    COMMLOG_CREATE = 193


LOG_SOURCE_API = 23
PAYMENT_SOURCE_API = 13
"""Place of the word API in the list of `PaymentSource`; see https://www.opendental.com/site/apipayments.html."""

NO_DATE = "0001-01-01"
NO_TIME = "0001-01-01 00:00:00"
