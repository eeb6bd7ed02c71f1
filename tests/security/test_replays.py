"""An idempotency key is its caller's own, and what a right once opened is shown again only to who still holds it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

REVEAL = (
    "mutation($input: RevealPersonsInput!) { revealPersons(input: $input) "
    "{ revealed { persons { name } } errors { code } } }"
)


@pytest.fixture
def asked(bed: Any) -> dict[str, Any]:
    return {
        "idempotencyKey": str(uuid4()),
        "residentIds": [f"Resident_{bed.here.ids['head1']}"],
        "fields": ["NAME"],
        "purpose": "SERVICE",
    }


async def reveal(bed: Any, who: str, given: dict[str, Any]) -> tuple[str | None, str]:
    reply = await bed.callers[who].post(REVEAL, input=given)
    errors = reply.json()["data"]["revealPersons"]["errors"]
    return (errors[0]["code"] if errors else None), reply.text


async def counts(bed: Any) -> tuple[int, int]:
    """Rows of the log and of the trail."""
    row = (
        await bed.sql(
            "select (select count(*) from core.reveal_log), (select count(*) from core.audit_entry)"
        )
    )[0]
    return int(row[0]), int(row[1])


async def test_another_caller_with_the_same_key_gets_an_answer_of_his_own(
    bed: Any, asked: dict[str, Any]
) -> None:
    code, text = await reveal(bed, "director", asked)
    assert code is None
    assert f"{bed.here.mark}全名" in text
    log, trail = await counts(bed)
    for who, expected in (("clerk", "FORBIDDEN"), ("supervision", "NOT_FOUND"), ("anonymous", "FORBIDDEN")):
        code, text = await reveal(bed, who, asked)
        assert code == expected
        assert bed.here.mark not in text
        trail += 1
        assert await counts(bed) == (log, trail)


async def test_a_replay_shows_nothing_to_who_lost_the_right(bed: Any, asked: dict[str, Any]) -> None:
    director = bed.callers["director"].ctx.principal
    code, first = await reveal(bed, "director", asked)
    assert code is None
    before = await counts(bed)
    assert await reveal(bed, "director", asked) == (
        None,
        first,
    )  # positive control: byte-equal, nothing written
    assert await counts(bed) == before
    await bed.sql("update core.role_grant set revoked_at = now() where account_id = $1", director.account_id)
    await bed.sql("update core.generation set n = n + 1")
    code, text = await reveal(bed, "director", asked)
    assert code == "FORBIDDEN"
    assert bed.here.mark not in text
    assert await counts(bed) == (before[0], before[1] + 1)


async def test_a_person_may_repeat_the_question_about_themselves(bed: Any, asked: dict[str, Any]) -> None:
    code, first = await reveal(bed, "resident", {**asked, "purpose": ""})
    assert code is None
    assert f"{bed.here.mark}全名" in first
    assert await reveal(bed, "resident", {**asked, "purpose": ""}) == (None, first)


async def test_the_key_with_another_body_is_a_conflict(bed: Any, asked: dict[str, Any]) -> None:
    await reveal(bed, "director", asked)
    before = await counts(bed)
    code, text = await reveal(bed, "director", {**asked, "fields": ["PHONE"]})
    assert code == "IDEMPOTENCY_CONFLICT"
    assert bed.here.mark not in text
    assert await counts(bed) == (before[0], before[1] + 1)
