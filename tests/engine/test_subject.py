"""A person who asks for their data: their records and no others, a copy without others, deadlines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kit.sealed_vault import House, as_csv, as_zip
from strongroom.cli.main import cli
from strongroom.engine.access.subject_requests import answer_alarms, read_requests
from strongroom.model.alert import Level
from strongroom.model.destruction import StepRefused
from strongroom.model.errors import ExitCode
from strongroom.model.plan import DatasetShape
from strongroom.model.provider import Container
from strongroom.model.subject import SubjectRequest, SubjectState, add_months, require_extensible

NUMBER, MAIL, FULL_NAME = "+49 151 2345 6789", "ana.souza@example.com", "Ana Souza"
BOB_NUMBERS = ("+14155551234", "415 555 1234", "0014155551234")
BOB_MAIL, BOB_NAME, BOB_STREET = "bob@example.org", "Bob Millerstone", "12 Longmeadow Lane"
AT_TEN = "2026-03-01T10:00:00Z"


def message(name: str, sender: str, to: str, text: str, **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "from": sender,
        "to": to,
        "channel": "sms",
        "status": "sent",
        "text": text,
        "createdAt": AT_TEN,
        **more,
    }


ESCAPED = {"cc": ["bob%40example.org"], "cost": 0.25, "x": "bob&#64;example.org"}
ZAVU_OWN = [
    message("own-1", "+14155551234", "+4915123456789", "hello"),
    message("own-2", "0151 23456789", "+14155551234", "my mail is ANA.SOUZA@example.com"),
    message(
        "own-3", "whatsapp:+49-151-23456789", "Shop", f"ask {BOB_NAME} at {BOB_MAIL} or (415) 555 1234, {BOB_STREET}"
    ),
    message(
        "own-4",
        "+15550009999",
        "+14155551234",
        "Ana's is 0151/23456789",
        metadata=ESCAPED,
    ),
    message("own-5", "con_ana", "Shop", "only by her contact id", contactId="con_ana"),
]
ZAVU_OTHERS = [
    message("other-1", "+44 151 2345 6789", "+14155551234", "the same digits in another country"),
    message("other-2", "+14155551234", "joana.souza@example.com", "Joana Souza here, order 15123456"),
    message("other-3", "+491512345678", "con_ana_2", "one digit less"),
]
HOOK = {"message_id": "own-6", "endpoint": "https://hooks.example/a", "created_at": AT_TEN}
HOOKS = [
    {**HOOK, "payload": "to 004915123456789 by Bob Millerstone"},
    {**HOOK, "message_id": "other-4", "payload": "to 004915123456788"},
]
SENT = {
    "messageId": "own-7",
    "sender": "Shop",
    "destination": "4915123456789",
    "sendDate": AT_TEN,
    "body": "Code 123456",
}
QLARA = [SENT, {**SENT, "messageId": "other-5", "destination": "14155551234"}]
ANA = {"contactId": "con_ana", "firstName": "Ana", "lastName": "Souza", "phoneNumber": "+4915123456789", "email": MAIL}
BOB = {"contactId": "con_bob", "firstName": "Bob", "lastName": "Millerstone", "phoneNumber": "+14155551234"}
EVE = {
    "contactId": "con_eve",
    "firstName": "Eve",
    "lastName": "Farnsworth",
    "phoneNumber": "",
    "email": "eve@example.net",
}
CONTACTS = [{**ANA, "street": "1 Own Road"}, {**BOB, "email": BOB_MAIL, "street": BOB_STREET}, {**EVE, "street": ""}]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A vault with three providers, in which one person is planted. Requests are made by each test anew."""
    made = House(tmp_path_factory.mktemp("subject"))
    zavu = DatasetShape("messages", "messages.json", "id", "createdAt")
    for records in (ZAVU_OWN[:2] + ZAVU_OTHERS, ZAVU_OWN[1:]):  # own-2 is in both
        made.seal(as_zip(messages=records), (zavu,), Container.ZIP_OF_JSON, alone=False, source="zavu", provider="zavu")
    hooks = DatasetShape("outbound", "", "message_id", "created_at")
    made.seal(as_csv(HOOKS), (hooks,), stream="hooks", alone=False, source="hookbridge", provider="hookbridge")
    sent = DatasetShape("message-history", "", "messageId", "sendDate")
    made.seal(as_csv(QLARA), (sent,), stream="sent", alone=False, source="qlara", provider="qlara")
    people = DatasetShape("contacts", "", "contactId", "")
    made.seal(as_csv(CONTACTS), (people,), stream="people", alone=False, source="qlara", provider="qlara")
    yield made
    made.vault.close()


def ask(house: House, *words: str, code: int = ExitCode.OK) -> Result:
    result = CliRunner().invoke(cli, ["--config", str(house.base / "strongroom.toml"), "subject", *words])
    assert result.exit_code == code, result.output
    return result


def ask_json(house: House, *words: str) -> Any:
    return json.loads(ask(house, *words, "--json").stdout)


def recorded(house: House, *identifiers: str) -> str:
    words = [word for each in identifiers for word in ("--identifier", each)]
    return str(ask_json(house, "request", "Souza, letter of 1 March", *words)["request"]["id"])


def test_all_and_only_the_records_of_the_person_are_found(built: House) -> None:
    found = ask_json(built, "find", "--identifier", NUMBER)["finding"]
    assert {(each["source"], each["dataset"]): (each["records"], each["mentions"]) for each in found["holdings"]} == {
        ("zavu", "messages"): (4, 1),
        ("hookbridge", "outbound"): (1, 1),
        ("qlara", "message-history"): (1, 0),
        ("qlara", "contacts"): (1, 0),
    }
    assert {each["identifier"] for each in found["proposals"]} == {"con_ana", MAIL, FULL_NAME}
    assert all(each["why"].startswith("in contacts of qlara") for each in found["proposals"])
    request = recorded(built, NUMBER)
    ask(built, "confirm", request, "con_ana", MAIL)
    after = ask_json(built, "find", request)["finding"]
    assert sum(each["records"] for each in after["holdings"]) == 8
    assert [each["identifier"] for each in after["proposals"]] == [FULL_NAME]
    text = ask(built, "find", request).stdout
    assert "written as 0151 23456789: 1 record" in text
    assert "retained until" not in text


def test_the_copy_has_the_person_and_nobody_else(built: House, tmp_path: Path) -> None:
    request = recorded(built, NUMBER, MAIL, "con_ana")
    target = tmp_path / "copy"
    ask(built, "copy", request, str(target), "--purposes", "To deliver orders.", "--contact", "dpo@acme.example")
    lines = [json.loads(line) for line in (target / "records.jsonl").read_text().splitlines()]
    names = [each["record"].get(key) for each in lines for key in ("id", "messageId", "message_id", "street")]
    assert {*names} == {*(f"own-{number}" for number in range(1, 8)), "1 Own Road", None}
    assert len(lines) == 8
    page = (target / "copy.html").read_text()
    for text in (page, (target / "records.jsonl").read_text()):
        digits = re.sub(r"[\s().+\-]", "", text)
        assert not any(re.sub(r"\D", "", each)[-10:] in digits for each in BOB_NUMBERS)
        for word in (BOB_MAIL, "bob%40", "millerstone", "Longmeadow", "con_bob", "eve@", "15550009999"):
            assert word.lower() not in text.lower(), word
        assert "ANA.SOUZA@example.com" in text
        assert "0151/23456789" in text
        assert "bob&#" not in text
        assert '"cost": 0.25' in text.replace("&quot;", '"')
        assert "1 Own Road" in text
    by_name = {each["record"].get("id"): each["record"] for each in lines}
    bob = by_name["own-1"]["from"]
    assert re.fullmatch(r"Person \d+", bob)
    assert by_name["own-2"]["to"] == by_name["own-4"]["to"] == bob, "always in the same way"
    assert by_name["own-3"]["text"] == f"ask {bob} at {bob} or ({bob}, {bob}"
    for words in (
        "To deliver orders.",
        "dpo@acme.example",
        "Your rights",
        "Retained until",
        NUMBER,
        "to be answered by",
    ):
        assert words in page
    assert page.count("<article>") == 8
    assert "<script" not in page
    again = tmp_path / "again.zip"
    ask(built, "copy", request, str(again))
    ask(built, "copy", request, str(target), code=ExitCode.USAGE)
    shown = ask_json(built, "show", request)["request"]
    assert [each["change"] for each in shown["steps"]] == ["received", "copy", "copy"]


def test_an_erasure_begins_with_what_was_found(built: House) -> None:
    request = recorded(built, NUMBER)
    made = ask_json(built, "erase", request, "--ground", "GDPR 17(1)(b)")
    assert len(made["archives"]) == 5
    assert made["proposal"] is not None
    steps = ask_json(built, "show", request)["request"]["steps"]
    assert (steps[-1]["change"], steps[-1]["erasure"]) == ("erasure", made["erasure"])


def test_a_request_lives_in_the_log_without_a_name_and_is_answered_once(built: House) -> None:
    before = len(built.vault.layout.log.read_bytes())
    request = recorded(built, "canarynumber", "canary@example.org")
    ask(built, "confirm", request, "canaryname")
    ask(built, "extend", request, "--reason", "canaryreason")
    assert ask_json(built, "list")["requests"][-1]["extended"] is True
    assert request[-8:] in ask(built, "list").stdout
    ask(built, "extend", request, "--reason", "again", code=ExitCode.USAGE)
    ask(built, "answer", request, "refused", "--words", "canaryanswer")
    for words in (
        ("answer", request, "answered", "--words", "x"),
        ("confirm", request, "x y z"),
        ("copy", request, "/nowhere/x"),
    ):
        ask(built, *words, code=ExitCode.USAGE)
    shown = ask_json(built, "show", request)["request"]
    assert (shown["state"], shown["identifiers"][-1], shown["steps"][-1]["words"]) == (
        "refused",
        "canaryname",
        "canaryanswer",
    )
    written = built.vault.layout.log.read_bytes()[before:].lower()
    assert b"canary" not in written
    assert b"souza" not in written
    assert b"canary" not in b"".join(path.read_bytes() for path in built.base.rglob("*") if path.is_file()).lower()


def test_an_alert_comes_before_the_period_ends(built: House) -> None:
    request = ask_json(built, "request", "Souza", "--identifier", NUMBER)["request"]
    last = datetime.combine(date.fromisoformat(request["answer_by"]), datetime.min.time(), UTC) + timedelta(days=1)

    def severity(at: datetime) -> list[Level]:
        return [each.severity for each in answer_alarms(built.vault, at) if request["id"] in each.key]

    assert severity(last - timedelta(days=10, seconds=1)) == []
    assert severity(last - timedelta(days=10)) == [Level.WARNING]
    assert severity(last - timedelta(days=3)) == severity(last + timedelta(days=9)) == [Level.CRITICAL]
    [late] = [each for each in answer_alarms(built.vault, last) if request["id"] in each.key]
    assert (late.title, "Souza" in late.body) == (
        f"a person's request was not answered by {request['answer_by']}, its deadline",
        False,
    )
    ask(built, "answer", request["id"], "answered", "--words", "the copy was handed over")
    assert severity(last) == []


def test_status_says_which_answers_are_late_and_what_to_do(built: House) -> None:
    request = ask_json(built, "request", "Souza", "--identifier", NUMBER, "--received", "2026-01-31")["request"]
    assert request["answer_by"] == "2026-02-28"
    status = CliRunner().invoke(cli, ["--config", str(built.base / "strongroom.toml"), "status", "--json"])
    problems = [each for each in json.loads(status.stdout)["problems"] if "2026-02-28" in each["title"]]
    assert [each["next"] for each in problems] == ["strongroom subject list"]
    ask(built, "answer", request["id"], "answered", "--words", "late, with an apology")
    words = ("report", "--from", "2026-01-01", "--to", "2100-01-01", "--json")
    report = CliRunner().invoke(cli, ["--config", str(built.base / "strongroom.toml"), *words])
    told = [each["what"] for each in json.loads(report.stdout)["events"]["care"]]
    assert "a person's request for their data was recorded" in told
    assert "apology" not in report.stdout


def test_a_month_ends_on_its_last_day_and_on_the_calendar_of_the_zone() -> None:
    assert add_months(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert add_months(date(2027, 11, 30), 3) == date(2028, 2, 29)
    assert add_months(date(2026, 12, 15), 1) == date(2027, 1, 15)
    request = SubjectRequest("r", date(2026, 2, 28), "Europe/Berlin", 1, SubjectState.OPEN, ())
    assert request.deadline == datetime(2026, 3, 28, 23, tzinfo=UTC)  # the clocks change that night, after midnight
    require_extensible(request, request.deadline - timedelta(seconds=1))
    with pytest.raises(StepRefused):
        require_extensible(request, request.deadline)
    auckland = SubjectRequest("r", date(2026, 1, 31), "Pacific/Auckland", 3, SubjectState.OPEN, ())
    assert auckland.deadline == datetime(2026, 4, 30, 12, tzinfo=UTC)


def test_mistakes_are_refused_and_nothing_is_recorded(built: House) -> None:
    before = built.vault.layout.log.read_bytes()
    for words in (
        ("request", "X", "--identifier", "a"),
        ("request", " ", "--identifier", NUMBER),
        ("request", "X", "--identifier", NUMBER, "--received", "2999-01-01"),
        ("find",),
        ("find", "nothing"),
        ("show", ""),
    ):
        assert ask(built, *words, code=ExitCode.USAGE).stderr.strip()
    assert built.vault.layout.log.read_bytes() == before
    assert all(not each.reference for each in read_requests(built.vault)), "without an identity nothing is read"
