"""Row-level security and grants, as SQL that revisions run (architecture 2, reliability.md §0.3, §3.3).

RLS is a net behind the application's own filter, and fail-closed: without the setting no row is seen.
"""

from __future__ import annotations

from collections.abc import Iterable

IN_SCOPE = """
create function core.in_scope(variadic units uuid[]) returns boolean language sql stable parallel safe
set search_path = pg_catalog as $$
    select case nullif(current_setting('sanzhi.scope', true), '')
        when '*' then true
        else units && string_to_array(nullif(current_setting('sanzhi.scope', true), ''), ',')::uuid[]
    end
$$
"""

_COLUMNS = "unit_id, county_id, town_id, village_id, grid_id"


def usage(schema: str, app: str, read: str) -> list[str]:
    """Let the login roles into a schema."""
    return [f'grant usage on schema {schema} to "{app}", "{read}"']


def unwalled(schema: str, tables: Iterable[str], app: str, read: str) -> list[str]:
    """Grants on tables that compiled reads may see on the read role."""
    names = ", ".join(f"{schema}.{t}" for t in tables)
    return [
        f'grant select, insert, update, delete on {names} to "{app}"',
        f'grant select on {names} to "{read}"',
    ]


def private(schema: str, tables: Iterable[str], app: str) -> list[str]:
    """Grants on tables of the application alone (tokens, keys, deliveries): no read role."""
    names = ", ".join(f"{schema}.{t}" for t in tables)
    return [f'grant select, insert, update, delete on {names} to "{app}"']


def wall(
    schema: str, table: str, app: str, *, insert_anywhere: bool = False, append_only: bool = False
) -> list[str]:
    """Row-level security on a scoped table; the read role gets nothing.

    `insert_anywhere`: inserts are not limited (the audit trail records refusals everywhere). `append_only`: the app
    role may not update or delete.
    """
    name = f"{schema}.{table}"
    rights = "select, insert" if append_only else "select, insert, update, delete"
    check = "true" if insert_anywhere else f"core.in_scope({_COLUMNS})"
    out = [
        f"alter table {name} enable row level security",
        f'create policy {table}_seen on {name} for select to "{app}" using (core.in_scope({_COLUMNS}))',
        f'create policy {table}_added on {name} for insert to "{app}" with check ({check})',
        f'grant {rights} on {name} to "{app}"',
    ]
    if not append_only:
        out.append(
            f'create policy {table}_changed on {name} for update to "{app}" '
            f"using (core.in_scope({_COLUMNS})) with check (core.in_scope({_COLUMNS}))"
        )
        out.append(
            f'create policy {table}_removed on {name} for delete to "{app}" using (core.in_scope({_COLUMNS}))'
        )
    return out
