"""Plain personal values, for a purpose: each showing is logged per subject, who may read the log (domain/core.md §7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field

from sanzhi_core.clock import SHANGHAI, start_of_day
from sanzhi_core.db.session import ALL_UNITS
from sanzhi_core.errors import Forbidden, PurposeNotAllowed, RateLimited
from sanzhi_core.identity.models import Account
from sanzhi_core.people.membership import place_of
from sanzhi_core.people.models import PersonSecret, Resident, RevealLog
from sanzhi_core.people.nodes import REVEAL
from sanzhi_core.people.person import unseal
from sanzhi_core.platform.command import operation
from sanzhi_core.platform.context import Context
from sanzhi_core.platform.inputs import CommandInput, id_of
from sanzhi_core.platform.work import Work
from sanzhi_core.reading.declaration import Bounded

PURPOSES = ("REGISTER", "SERVICE", "NOTICE", "VERIFICATION", "EMERGENCY", "RIGHTS_REQUEST")
"""登记核对、办事服务、通知联系、身份核验、应急处置、个人信息权利请求 [assumption]."""
OWN = "OWN"
DAILY_SUBJECTS = 50
"""Other people's records that one account may open in a day [assumption of domain/core.md §7]."""
MOST_SUBJECTS = 20
MOST_LOGGED = 100
_COLUMNS = {
    "NAME": "name_enc",
    "ID_NUMBER": "id_number_enc",
    "PHONE": "phone_enc",
    "BIRTH_DATE": "birth_date_enc",
    "ADDRESS": "address_enc",
}


class RevealPersons(CommandInput):
    """查看明文 / See plain values of persons"""

    resident_ids: list[id_of("Resident")] = Field(  # type: ignore[valid-type]
        min_length=1, max_length=MOST_SUBJECTS, description="村民，至多20人 / Residents, at most 20"
    )
    fields: list[Literal["NAME", "ID_NUMBER", "PHONE", "BIRTH_DATE", "ADDRESS"]] = Field(
        min_length=1, max_length=len(_COLUMNS), description="字段 / Fields"
    )
    purpose: str = Field(
        "",
        max_length=40,
        description=f"用途：{'、'.join(PURPOSES)}；本人可不填 / Purpose; not needed for one's own data",
    )
    note: str = Field("", max_length=200, description="用途说明 / More about the purpose")


@dataclass(frozen=True)
class RevealedPerson:
    """一人的明文 / Plain values of one person; fields not asked for are empty"""

    resident_id: Annotated[str, "村民 / Resident"]
    name: Annotated[str | None, "姓名 / Name"] = None
    id_number: Annotated[str | None, "证件号码 / Number of the document"] = None
    phone: Annotated[str | None, "电话 / Telephone"] = None
    birth_date: Annotated[str | None, "出生日期 / Birth date, YYYY-MM-DD"] = None
    address: Annotated[str | None, "住址 / Address"] = None


@dataclass(frozen=True)
class Revealed:
    """所看的明文 / What was revealed"""

    persons: Annotated[list[RevealedPerson], Bounded(MOST_SUBJECTS), "各人 / Persons"]

    def __post_init__(self) -> None:
        people = [p if isinstance(p, RevealedPerson) else RevealedPerson(**p) for p in self.persons]
        object.__setattr__(self, "persons", people)  # a replayed answer comes as plain mappings


@operation("core.person.reveal", permission=REVEAL, returns=None)
async def reveal_persons(work: Work, input: RevealPersons) -> Revealed:
    """Decrypted values, one log row per subject. PURPOSE_NOT_ALLOWED, RATE_LIMITED; one's own data needs neither."""
    principal = work.ctx.principal
    if principal.account_id is None:
        raise Forbidden(
            REVEAL, detail_zh="只有登录的人可以查看", detail_en="Only a person who signed in may see these"
        )
    ids = sorted(set(input.resident_ids))
    others = [i for i in ids if i != principal.resident_id]
    residents = [
        await work.load(Resident, i, self_="household_id" if i == principal.resident_id else None)
        for i in ids
    ]
    if others:
        if input.purpose not in PURPOSES:
            raise PurposeNotAllowed(
                detail_zh="请填写允许的用途",
                detail_en=f"Name a purpose: {', '.join(PURPOSES)}",
                path="purpose",
            )
        await _count(work, principal.account_id, others, principal.resident_id)
    wanted = sorted(set(input.fields))
    out = []
    for resident in residents:
        secret = await work.session.get(PersonSecret, resident.id)
        if secret is None:
            raise LookupError("a resident without a secret")
        work.session.add(
            RevealLog(
                subject_id=resident.id,
                actor_id=principal.account_id,
                fields=list(wanted),
                purpose=OWN if resident.id == principal.resident_id else input.purpose,
                channel=work.ctx.channel,
                at=work.now,
                **place_of(resident),
            )
        )
        out.append(RevealedPerson(f"Resident_{resident.id}", **_plain(work, secret, wanted)))
    if input.note:
        work.reason(input.note)
    return Revealed(out)


def _plain(work: Work, secret: PersonSecret, wanted: Sequence[str]) -> dict[str, str | None]:
    values = {
        name.lower(): (column, getattr(secret, column)) for name, column in _COLUMNS.items() if name in wanted
    }
    return {
        name: None if cipher is None else unseal(work.ctx.keys, column, secret.resident_id, cipher)
        for name, (column, cipher) in values.items()
    }


async def _count(work: Work, actor_id: UUID, others: list[UUID], own: UUID | None) -> None:
    """RATE_LIMITED when the day's subjects would pass the quota. Parallel requests of one account wait for each other."""
    session = work.session
    await session.execute(
        sa.text("select pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": f"reveal|{actor_id}"}
    )
    # The log is walled; the quota counts everywhere, so the wall is opened for this one question.
    scope = await session.scalar(sa.text("select current_setting('sanzhi.scope', true)"))
    set_scope = sa.text("select set_config('sanzhi.scope', :scope, true)")
    await session.execute(set_scope, {"scope": ALL_UNITS})
    seen = set(
        await session.scalars(
            sa.select(RevealLog.subject_id)
            .where(RevealLog.actor_id == actor_id, RevealLog.at >= start_of_day(work.today))
            .distinct()
        )
    )
    await session.execute(set_scope, {"scope": scope or ""})
    if len((seen | set(others)) - {own}) > DAILY_SUBJECTS:
        midnight = start_of_day(work.today).timestamp() + 86_400
        raise RateLimited(
            max(1, int(midnight - work.now.timestamp())),
            detail_zh=f"每天至多查看{DAILY_SUBJECTS}人的明文",
            detail_en=f"At most {DAILY_SUBJECTS} people's plain values a day",
        )


@dataclass(frozen=True)
class SeenByOthers:
    """一次查看本人明文的记录 / One time somebody saw one's own plain values"""

    at: Annotated[str, "时间 / When, ISO 8601"]
    actor: Annotated[str, "查看人 / Who"]
    fields: Annotated[list[str], Bounded(len(_COLUMNS)), "字段 / Fields"]
    purpose: Annotated[str, "用途 / Purpose"]
    channel: Annotated[str, "渠道 / Channel"]


async def my_reveal_log(ctx: Context, _input: Any) -> list[SeenByOthers]:
    """The latest showings of the caller's own values, newest first; empty for accounts that belong to no resident."""
    subject = ctx.principal.resident_id
    if subject is None:
        return []
    scope = (ctx.principal.county_id,) if ctx.principal.county_id else ()
    async with ctx.db.transaction(scope) as session:
        rows = await session.execute(
            sa.select(RevealLog, Account.display_name)
            .join(Account, Account.id == RevealLog.actor_id)
            .where(RevealLog.subject_id == subject)
            .order_by(RevealLog.at.desc(), RevealLog.id.desc())
            .limit(MOST_LOGGED)
        )
        return [
            SeenByOthers(
                row.at.astimezone(SHANGHAI).isoformat(timespec="seconds"),
                name,
                row.fields,
                row.purpose,
                row.channel,
            )
            for row, name in rows
        ]
