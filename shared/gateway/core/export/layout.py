"""What files of an export are called. A name is made of what it has, so that a repeat finds what is there.

```
data/object=patients/date=2026-11-23/practice_id=prac_x/run_id=exp_x/part-00000.parquet
jsonl/object=patients/date=2026-11-23/practice_id=prac_x/run_id=exp_x/part-00000.jsonl.gz
data/object=patients/date=2026-01-01/empty-0123456789ab.parquet    no rows, so that there is always something to read
schemas/patients/0123456789ab.json        the columns of a version
staged/run_id=exp_x/practice_id=prac_x.json    what one practice has of a run
published/exp_x.json                      JSON Lines: the run is visible once this is there
```

The day comes before the practice: days are all that Athena can reckon by itself, so that nobody has to crawl; practice
and run are columns of the rows as well.
"""

from __future__ import annotations

from gateway.core.export.runs import ExportRun


def folder(run: ExportRun, practice_id: str, name: str) -> str:
    """Where an object of a practice lies in a run, behind `data/` and `jsonl/`."""
    return f"object={name}/date={run.requested_at:%Y-%m-%d}/practice_id={practice_id}/run_id={run.id}"


def parquet_key(run: ExportRun, practice_id: str, name: str, part: int) -> str:
    """One part as Parquet."""
    return f"data/{folder(run, practice_id, name)}/part-{part:05}.parquet"


def lines_key(run: ExportRun, practice_id: str, name: str, part: int) -> str:
    """The same part as lines of JSON, packed."""
    return f"jsonl/{folder(run, practice_id, name)}/part-{part:05}.jsonl.gz"


def schema_key(name: str, version: str) -> str:
    """A version of an object's schema."""
    return f"schemas/{name}/{version}.json"


def empty_key(name: str, version: str) -> str:
    """A file without rows."""
    return f"data/object={name}/date=2026-01-01/empty-{version}.parquet"


def staged_key(run_id: str, practice_id: str) -> str:
    """What one practice has of a run."""
    return f"staged/run_id={run_id}/practice_id={practice_id}.json"


def published_key(run_id: str) -> str:
    """The manifest of a run."""
    return f"published/{run_id}.json"
