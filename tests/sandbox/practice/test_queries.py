import zlib
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
        # zlib.crc32(b"MySQL"), and the example of MySQL's manual.
        ("CRC32('MySQL')", 3259397556),
        ("CRC32('mysql')", 2501908538),
        # Numbers count as their decimal digits: zlib.crc32(b"1"), and of 19 digits.
        ("CRC32(PatNum)", 2212294583),
        ("CRC32(CAST('9223372036854775807' AS SIGNED))", 1122634462),
        ("CRC32(NULL)", None),
        ("CRC32('')", 0),
        ("MOD(CRC32('MySQL'), 99)", 3259397556 % 99),
        ("CONCAT_WS('|', PatNum, '', NULL, 0)", "1||0"),
        ("IF(YEAR(Birthdate) >= 1880, DATE_FORMAT(Birthdate, '%Y-%m-%d'), '')", "2000-01-31T00:00:00"),
        ("CONCAT_WS('|', DATE_FORMAT(DateTStamp, '%Y-%m-%d %H:%i:%s'))", "2026-03-02T12:00:00"),
        ("CONCAT_WS('|', 1, IF(YEAR(AdmitDate) >= 1880, DATE_FORMAT(AdmitDate, '%Y-%m-%d'), ''))", "1|"),
        # Half a cent upwards, whichever way the machine rounds; amounts below zero as well.
        ("CAST(FLOOR(0.125 * 100 + 0.5) AS SIGNED)", 13),
        ("CAST(FLOOR(-45.5 * 100 + 0.5) AS SIGNED)", -4550),
        ("LAST_DAY('2026-02-03')", "2026-02-28T00:00:00"),
    ],
)
def test_mysqls_functions_mean_what_they_mean(people: Running, expression: str, value: object) -> None:
    assert query(people, f"SELECT {expression} AS v FROM patient WHERE PatNum = 1") == [{"v": value}]


def test_sums_of_checksums_are_whole_numbers_and_conditions_count(people: Running) -> None:
    text = (
        "SELECT MOD(CRC32(PatNum), 99) AS bucket, COUNT(*) AS counted, SUM(CRC32(CONCAT_WS('|', PatNum, Gender))) AS"
        " summed, SUM(IF(Gender = 1, 1, 0)) AS women FROM patient GROUP BY MOD(CRC32(PatNum), 99) ORDER BY bucket"
    )
    assert query(people, text) == [
        {"bucket": 67, "counted": 1, "summed": zlib.crc32(b"2|0"), "women": 0},
        {"bucket": 92, "counted": 1, "summed": zlib.crc32(b"1|1"), "women": 1},
    ]


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
