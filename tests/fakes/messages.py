"""Rules and messages, in memory."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field, replace
from datetime import datetime

from gateway.core.engagement.messages import Message
from gateway.core.engagement.ports import Ahead, Carried, Due, Letter, Superseded
from gateway.core.engagement.rules import Rule
from gateway.core.errors import NotFound


@dataclass
class FakeMessages:
    """Fills `Messages`."""

    kept_rules: dict[tuple[str, str], Rule] = field(default_factory=dict)
    kept: dict[tuple[str, int, str], Message] = field(default_factory=dict)
    looks: dict[str, Ahead] = field(default_factory=dict)

    def make_rule(self, rule: Rule) -> Rule:
        return self.kept_rules.setdefault((rule.practice_id, rule.id), rule)

    def change_rule(self, rule: Rule) -> Rule:
        place = (rule.practice_id, rule.id)
        was = self.kept_rules.get(place)
        if was is None or was.rev != rule.rev:
            raise Superseded
        self.kept_rules[place] = replace(rule, rev=rule.rev + 1)
        return self.kept_rules[place]

    def rule(self, practice_id: str, rule_id: str) -> Rule:
        if (practice_id, rule_id) not in self.kept_rules:
            raise NotFound("no such rule")
        return self.kept_rules[practice_id, rule_id]

    def rules(self, practice_id: str) -> list[Rule]:
        return [one for (of, _), one in sorted(self.kept_rules.items()) if of == practice_id]

    def get(self, practice_id: str, patient: int, message_id: str) -> Message:
        if (practice_id, patient, message_id) not in self.kept:
            raise NotFound("no such message")
        return self.kept[practice_id, patient, message_id]

    def of_patient(self, practice_id: str, patient: int) -> list[Message]:
        return [one for place, one in sorted(self.kept.items()) if place[:2] == (practice_id, patient)]

    def add(self, message: Message) -> bool:
        place = (message.practice_id, message.patient, message.id)
        return self.kept.setdefault(place, message) is message

    def save(self, message: Message) -> Message:
        place = (message.practice_id, message.patient, message.id)
        if place not in self.kept or self.kept[place].rev != message.rev:
            raise Superseded
        self.kept[place] = replace(message, rev=message.rev + 1)
        return self.kept[place]

    def due(self, now: datetime, *, part: int, of: int, limit: int) -> list[Due]:
        found = [
            Due(one.practice_id, one.patient, one.id, one.due_at)
            for one in self.kept.values()
            if one.due_at is not None and one.due_at <= now and _part(one.id, of) == part
        ]
        found += [
            Due(one.practice_id, 0, None, one.due_at)
            for one in self.looks.values()
            if one.due_at is not None and one.due_at <= now and _part(one.practice_id, of) == part
        ]
        return sorted(found, key=lambda one: one.due_at)[:limit]

    def page(
        self, practice_id: str, *, since: datetime, until: datetime, after: tuple[datetime, str] | None, limit: int
    ) -> list[Message]:
        found = sorted(
            ((one.send_after or one.changed_at, one.id), one.patient)
            for one in self.kept.values()
            if one.practice_id == practice_id
        )
        return [
            self.kept[practice_id, patient, place[1]]
            for place, patient in found
            if since <= place[0] < until and (after is None or place > after)
        ][:limit]

    def ahead(self, practice_id: str) -> Ahead | None:
        return self.looks.get(practice_id)

    def save_ahead(self, ahead: Ahead) -> Ahead:
        was = self.looks.get(ahead.practice_id)
        if (0 if was is None else was.rev) != ahead.rev:
            raise Superseded
        self.looks[ahead.practice_id] = replace(ahead, rev=ahead.rev + 1)
        return self.looks[ahead.practice_id]


def _part(what: str, of: int) -> int:
    return zlib.crc32(what.encode()) % 8 % of


@dataclass
class FakeCarrier:
    """Fills `Carrier`: what was sent, and what is answered."""

    answer: Carried = field(default_factory=lambda: Carried(is_sent=True, provider_message_id="carrier-1"))
    sent: list[tuple[str, Letter]] = field(default_factory=list)

    def text(self, letter: Letter) -> Carried:
        self.sent.append(("text", letter))
        return self.answer

    def email(self, letter: Letter) -> Carried:
        self.sent.append(("email", letter))
        return self.answer
