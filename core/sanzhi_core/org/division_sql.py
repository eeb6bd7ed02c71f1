"""The set-wise statements of the division import, over the stage and the units."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from sanzhi_core.org.codes import Level, level_above
from sanzhi_core.org.divisions import RowError

if TYPE_CHECKING:
    from sanzhi_core.org.importing import ImportDivisions

REUSE_YEARS = 10
"""An abolished code is not given to another unit for so long (R-CORE-01) [assumption of domain/core.md]."""

_TEXTS = {
    "DUPLICATE": ("代码在文件中重复", "The code occurs twice in the file"),
    "PARENT_MISSING": ("上级单位不存在或未被接受", "The parent is unknown or was itself refused"),
    "PARENT_DIFFERS": (
        "该单位已调整到别的上级，须走区划变更",
        "The unit was moved: use an organisation change",
    ),
    "CODE_REUSED": (
        "该代码10年内曾用于已撤销的单位",
        "A unit abolished less than ten years ago had this code",
    ),
    "LATER_CHANGE": ("该单位在此日期之后已有变更", "The unit has a change dated after this day"),
}

# The living unit a staged row names (R-CORE-01).
_SAME = "u.level = s.level and u.code = s.code and u.valid_to is null"

_DUPLICATES = """
delete from core.division_stage s using (
    select line, row_number() over (partition by level, code order by line) as n
    from core.division_stage where import_id = :id) d
where s.import_id = :id and s.line = d.line and d.n > 1
returning s.line, s.code"""

_PARENT_MISSING = """
delete from core.division_stage s
where s.import_id = :id and s.level = :level
  and not exists (select from core.division_stage p
                  where p.import_id = :id and p.level = :above and p.code = s.parent_code)
  and not exists (select from core.org_unit u
                  where u.level = :above and u.code = s.parent_code and u.valid_to is null)
returning s.line, s.code"""

_PARENT_DIFFERS = f"""
delete from core.division_stage s using core.org_unit u join core.org_unit p on p.id = u.parent_id
where s.import_id = :id and {_SAME}
  and (p.code <> s.parent_code or u.code_pending)
returning s.line, s.code"""

_CODE_REUSED = f"""
delete from core.division_stage s using core.org_unit u
where s.import_id = :id and u.level = s.level and u.code = s.code
  and u.valid_to > cast(:on as date) - interval '{REUSE_YEARS} years'
  and not exists (select from core.org_unit l
                  where l.level = s.level and l.code = s.code and l.valid_to is null)
returning s.line, s.code"""

_LATER_CHANGE = f"""
delete from core.division_stage s using core.org_unit u join core.org_unit_version v on v.unit_id = u.id
where s.import_id = :id and {_SAME}
  and v.valid_to is null and v.valid_from > :on and u.name <> s.name
returning s.line, s.code"""


async def refuse_rows(session: AsyncSession, import_id: UUID, on: date) -> list[RowError]:
    """Take bad rows out of the stage and name them; what hangs below a refused row is refused with it."""
    out: list[RowError] = []

    async def refuse(statement: str, reason: str, **values: Any) -> None:
        zh, en = _TEXTS[reason]
        found = await session.execute(sa.text(statement), {"id": import_id, **values})
        out.extend(RowError(line, code, reason, zh, en) for line, code in found)

    await refuse(_DUPLICATES, "DUPLICATE")
    await refuse(_CODE_REUSED, "CODE_REUSED", on=on)
    await refuse(_PARENT_DIFFERS, "PARENT_DIFFERS")
    await refuse(_LATER_CHANGE, "LATER_CHANGE", on=on)
    for level in Level:
        above = level_above(level)
        if above is not None:
            await refuse(_PARENT_MISSING, "PARENT_MISSING", level=level.value, above=above.value)
    return out


async def count_levels(session: AsyncSession, import_id: UUID) -> dict[str, int]:
    """Accepted rows per level, top first."""
    found = await session.execute(
        sa.text("select level, count(*) from core.division_stage where import_id = :id group by level"),
        {"id": import_id},
    )
    counts: dict[str, int] = dict(found.all())
    return {level.value: counts[level.value] for level in Level if level.value in counts}


async def count_changes(session: AsyncSession, import_id: UUID) -> tuple[int, int, int]:
    """(to create, to rename, unchanged)."""
    row = (
        await session.execute(
            sa.text(
                f"""select count(*) filter (where u.id is null), count(*) filter (where u.name <> s.name),
                          count(*) filter (where u.name = s.name)
                   from core.division_stage s
                   left join core.org_unit u on {_SAME}
                   where s.import_id = :id"""
            ),
            {"id": import_id},
        )
    ).one()
    return row[0], row[1], row[2]


async def digest(session: AsyncSession, import_id: UUID) -> bytes:
    """SHA-256 over the changes to come: lines `C|R TAB level TAB code TAB name LF` by level and code."""
    found = await session.scalar(
        sa.text(
            rf"""select sha256(convert_to(coalesce(string_agg(
                    concat_ws(E'\t', case when u.id is null then 'C' else 'R' end, s.level, s.code, s.name)
                    || E'\n', '' order by s.level collate "C", s.code collate "C"), ''), 'UTF8'))
                from core.division_stage s
                left join core.org_unit u on {_SAME}
                where s.import_id = :id and (u.id is null or u.name <> s.name)"""
        ),
        {"id": import_id},
    )
    return bytes(found or b"")


async def rename(session: AsyncSession, data: ImportDivisions) -> int:
    """New names: close the open row of history and open another; a row opened the same day is corrected."""
    changed = f"""
        from core.division_stage s join core.org_unit u
          on {_SAME} and u.name <> s.name
        where s.import_id = :id"""
    values = {"id": data.import_id, "on": data.on, "edition": data.edition}
    await session.execute(
        sa.text(
            f"""with closed as (
                    update core.org_unit_version v set valid_to = :on
                    from (select u.id as uid, s.name, s.version_id {changed}) c
                    where v.unit_id = c.uid and v.valid_to is null and v.valid_from < :on
                    returning v.*, c.name as new_name, c.version_id)
                insert into core.org_unit_version
                  (id, code, level, name, kind, status, parent_id, valid_from, reason,
                   unit_id, org_code_at_time, org_path, county_id, town_id, village_id, grid_id)
                select version_id, code, level, new_name, kind, status, parent_id, :on, :edition,
                       unit_id, code, org_path, county_id, town_id, village_id, grid_id from closed"""
        ),
        values,
    )
    values.pop("edition")
    await session.execute(
        sa.text(
            f"""update core.org_unit_version v set name = c.name from (select u.id as uid, s.name {changed}) c
                where v.unit_id = c.uid and v.valid_to is null and v.valid_from = :on"""
        ),
        values,
    )
    done = await session.execute(
        sa.text(
            f"""update core.org_unit t set name = c.name, edition = :edition, version = t.version + 1
                from (select u.id as uid, s.name {changed}) c where t.id = c.uid"""
        ),
        {"id": data.import_id, "edition": data.edition},
    )
    return int(done.rowcount)  # type: ignore[attr-defined]


async def create(session: AsyncSession, data: ImportDivisions, level: Level) -> int:
    """Units of one level that are not there yet; their parents are."""
    done = await session.execute(
        sa.text(
            f"""insert into core.org_unit
                 (id, no, code, level, name, kind, parent_id, valid_from, status, code_pending,
                  urban_rural_class, edition, version, org_path, county_id, town_id, village_id, grid_id)
               select q.new_id, q.no, q.code, q.level, q.name, q.kind, p.id, :on, 'ACTIVE', false,
                      q.urban_rural_class, :edition, 1, coalesce(p.org_path, '') || q.no || '/',
                      case q.level when 'COUNTY' then q.new_id else p.county_id end,
                      case q.level when 'TOWN' then q.new_id else p.town_id end,
                      case q.level when 'VILLAGE' then q.new_id else p.village_id end,
                      case q.level when 'GRID' then q.new_id else p.grid_id end
               from (select s.*, nextval(pg_get_serial_sequence('core.org_unit', 'no')) as no
                     from (select * from core.division_stage s
                           where s.import_id = :id and s.level = :level
                             and not exists (select from core.org_unit u where {_SAME})
                           order by s.code) s) q
               left join core.org_unit p
                 on p.level = :above and p.code = q.parent_code and p.valid_to is null"""
        ),
        {
            "id": data.import_id,
            "on": data.on,
            "edition": data.edition,
            "level": level.value,
            "above": (level_above(level) or Level.PROVINCE).value,
        },
    )
    return int(done.rowcount)  # type: ignore[attr-defined]


async def write_history(session: AsyncSession, data: ImportDivisions) -> None:
    """The first row of history of every unit just made."""
    await session.execute(
        sa.text(
            """insert into core.org_unit_version
                 (id, code, level, name, kind, status, parent_id, valid_from, reason,
                  unit_id, org_code_at_time, org_path, county_id, town_id, village_id, grid_id)
               select s.version_id, u.code, u.level, u.name, u.kind, u.status, u.parent_id, u.valid_from,
                      :edition, u.id, u.code, u.org_path, u.county_id, u.town_id, u.village_id, u.grid_id
               from core.division_stage s join core.org_unit u on u.id = s.new_id
               where s.import_id = :id"""
        ),
        {"id": data.import_id, "edition": data.edition},
    )
