"""Rows of Open Dental -> normalized objects, as plain JSON values.

Pure functions: a raw row in, a dict out that conforms to the model of the same name in `core.objects` (a test holds it
to that). No pydantic here: lists are normalized at every read, and the models are the published schema.

The signatures every caller counts on (`practice` gives ids and time zones; `synced_at` is the moment nothing in the
row is older than, aware UTC; `drift` collects words nobody knew):

    patient(row, *, practice, synced_at, detail="full", show_ssn=False, raw=False, drift=None) -> dict
    appointment(row, *, practice, synced_at, procedures=None, history=None, raw=False, drift=None) -> dict
    procedure(row, *, practice, synced_at, areas=None, raw=False, drift=None) -> dict
    claim(row, *, practice, synced_at, lines=None, carrier=None, raw=False, drift=None) -> dict
    patient_payment(row, *, practice, synced_at, splits, raw=False, drift=None) -> dict
    insurance_payment(row, *, practice, synced_at, lines, raw=False, drift=None) -> dict
    operation_view(operation) -> dict
    practice_view(practice) -> dict

`procedures`, `history`, `lines`, `splits` are raw rows of `procedurelogs`, `histappointments`, `claimprocs` and
`paysplits`; more rows than belong to the object may be given, the others are passed over. What is not given is left
out of the object, never sent as null as if it were known.
"""
