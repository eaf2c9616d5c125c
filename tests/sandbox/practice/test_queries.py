from typing import Any

import pytest

from .conftest import Running


def query(practice: Running, text: str, **params: str) -> Any:
    answer = practice.api.put("queries/ShortQuery", json={"SqlCommand": text}, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def people(practice: Running) -> Running:
    practice.store.insert("patient", {"LName": "Sample", "FName": "Ann", "Birthdate": "2000-01-31", "Gender": 1})
    practice.store.insert("patient", {"LName": "Other", "FName": "Bob", "Birthdate": "1999-12-31"})
    return practice


def test_rows_come_raw_with_a_t_in_times_and_numbers_for_words(people: Running) -> None:
    row = query(people, "SELECT PatNum, LName, Gender, Birthdate, DateTStamp FROM patient WHERE LName = 'SAMPLE'")[0]
    assert row == {
        "PatNum": 1,
        "LName": "Sample",
        "Gender": 1,
        "Birthdate": "2000-01-31T00:00:00",
        "DateTStamp": "2026-03-02T12:00:00",
    }


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("NOW()", "2026-03-02T12:00:00"),
        ("CURDATE()", "2026-03-02T00:00:00"),
        ("DATE_SUB(NOW(), INTERVAL 1 DAY)", "2026-03-01T12:00:00"),
        ("DATE_ADD(Birthdate, INTERVAL 1 MONTH)", "2000-02-29T00:00:00"),
        ("NOW() - INTERVAL 2 HOUR", "2026-03-02T10:00:00"),
        ("TIMESTAMPDIFF(YEAR, Birthdate, NOW())", 26),
        ("DATEDIFF('2026-03-02', '2026-02-28')", 2),
        ("CONCAT(LName, ', ', FName)", "Sample, Ann"),
        ("IF(Gender = 1, 'f', 'm')", "f"),
        ("YEAR(Birthdate)", 2000),
        ("DATE_FORMAT(Birthdate, '%m/%Y')", "01/2000"),
        ("LEFT(LName, 2)", "Sa"),
        ("RIGHT(LName, 2)", "le"),
        ("IFNULL(NULL, 3)", 3),
        ("LName REGEXP '^sam'", 1),
        ("CONCAT_WS('-', FName, NULL, LName)", "Ann-Sample"),
        ("TRUNCATE(2.567, 1)", 2.5),
        ("LAST_DAY('2026-02-03')", "2026-02-28T00:00:00"),
    ],
)
def test_mysqls_functions_mean_what_they_mean(people: Running, expression: str, value: object) -> None:
    assert query(people, f"SELECT {expression} AS v FROM patient WHERE PatNum = 1") == [{"v": value}]


@pytest.mark.parametrize(
    "text",
    [
        "DELETE FROM patient",
        "UPDATE patient SET LName = 'x'",
        "SELECT 1; DROP TABLE patient",
        "INSERT INTO patient (LName) VALUES ('x')",
        "CREATE TABLE x (a INT)",
        "SELECT * FROM patient FOR UPDATE",
        "SELECT LOAD_FILE('/etc/hostname')",
        "SET @a = 1",
        "",
    ],
)
def test_what_is_not_a_read_is_refused(people: Running, text: str) -> None:
    answer = people.api.put("queries/ShortQuery", json={"SqlCommand": text})
    assert answer.status_code in ((400,) if not text else (401,))
    assert people.store.count("patient") == 2


@pytest.mark.parametrize("text", ["SELECT FROM WHERE", "SELECT * FROM nothing_here", "SELECT NoColumn FROM patient"])
def test_a_query_that_cannot_run_is_a_bad_request(people: Running, text: str) -> None:
    assert people.api.put("queries/ShortQuery", json={"SqlCommand": text}).status_code == 400


def test_a_hundred_rows_a_call_and_an_offset(practice: Running) -> None:
    practice.store.insert_many("carrier", ({"CarrierName": f"c{n}"} for n in range(150)))
    text = "SELECT CarrierNum FROM carrier ORDER BY CarrierNum"
    assert len(query(practice, text)) == 100
    assert [row["CarrierNum"] for row in query(practice, text, Offset="100")] == list(range(101, 151))
    assert len(query(practice, f"{text} LIMIT 120", Offset="100")) == 20


def test_columns_of_one_name_are_told_apart(people: Running) -> None:
    row = query(people, "SELECT a.PatNum, b.PatNum FROM patient a JOIN patient b ON b.PatNum = 2 WHERE a.PatNum = 1")[0]
    assert row == {"PatNum": 1, "PatNum1": 2}
