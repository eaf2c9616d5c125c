"""Onboardings, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gateway.core.onboarding.records import Onboarding, Superseded


@dataclass
class FakeOnboardings:
    """Fills `core.onboarding.records.Onboardings`."""

    kept: dict[str, Onboarding] = field(default_factory=dict)

    def load(self, practice_id: str) -> Onboarding | None:
        return self.kept.get(practice_id)

    def save(self, onboarding: Onboarding) -> Onboarding:
        was = self.kept.get(onboarding.practice_id)
        if (0 if was is None else was.rev) != onboarding.rev:
            raise Superseded
        saved = self.kept[onboarding.practice_id] = replace(onboarding, rev=onboarding.rev + 1)
        return saved
