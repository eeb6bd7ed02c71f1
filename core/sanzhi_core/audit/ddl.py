"""Tables of the audit trail, as SQL for the core's migration. No SQL newer than PostgreSQL 15.

Rows are never updated: leaf numbers live in a table of their own, which the sealer only appends to. The
functions run as the owner, so that a row-level policy on `core.audit_entry` can never hide rows from the
sealer; they give away hashes and counts, no content. Partitioning by month stays possible: a range on the
UUIDv7 `id`.
"""

from __future__ import annotations

TABLES: tuple[str, ...] = (
    """
    create table core.audit_epoch (
        epoch int primary key check (epoch > 0),
        started_at timestamptz,
        reason text not null
    )
    """,
    "insert into core.audit_epoch (epoch, reason) values (1, 'installation')",
    # volatile, so that a statement that waited for `bump_epoch` sees the new epoch
    """
    create function core.audit_current_epoch() returns int language sql volatile
    set search_path = pg_catalog as 'select max(epoch) from core.audit_epoch'
    """,
    """
    create table core.audit_entry (
        id uuid primary key,
        txid xid8 not null default pg_current_xact_id(),
        epoch int not null default core.audit_current_epoch(),
        at timestamptz not null,
        county_id uuid,
        town_id uuid,
        village_id uuid,
        grid_id uuid,
        unit_id uuid,
        org_path text collate "C" check (org_path like '%/'),
        actor_id uuid,
        acting_for uuid,
        role text,
        action text not null,
        entity text,
        entity_id uuid,
        result text not null check (result in ('OK', 'DENIED', 'FAILED')),
        error_code text,
        reason text,
        channel text,
        ip inet,
        device text,
        changes jsonb not null default '[]' check (jsonb_typeof(changes) = 'array'),
        key_id text not null,
        body bytea not null,
        row_hmac bytea not null check (octet_length(row_hmac) = 32)
    )
    """,
    "create index ix_audit_entry_epoch_txid_id on core.audit_entry (epoch, txid, id)",
    *(
        f"create index ix_audit_entry_{column}_at_id on core.audit_entry ({column}, at, id) "
        f"where {column} is not null"
        for column in ("county_id", "town_id", "village_id", "grid_id", "unit_id", "actor_id", "entity_id")
    ),
    """
    create table core.audit_leaf (
        leaf_no bigint primary key check (leaf_no >= 0),
        entry_id uuid not null unique,
        leaf_hash bytea not null check (octet_length(leaf_hash) = 32)
    )
    """,
    """
    create table core.audit_seal (
        n bigint primary key check (n > 0),
        epoch int not null,
        lo bigint not null,
        hi bigint not null check (hi >= lo),
        count bigint not null check (count >= 0),
        size bigint not null check (size >= count),
        root bytea not null check (octet_length(root) = 32),
        prev bytea not null check (octet_length(prev) = 32),
        sealed_at timestamptz not null,
        key_id text not null,
        signature bytea not null check (octet_length(signature) = 64),
        frontier bytea[] not null
    )
    """,
    """
    create function core.audit_pending(p_epoch int, p_lo bigint, p_hi bigint, p_limit bigint)
    returns table (entry_id uuid, txid bigint, leaf_hash bytea)
    language sql stable security definer set search_path = pg_catalog as $$
        select e.id, e.txid::text::bigint,
               sha256('\\x00'::bytea || int4send(e.epoch) || int8send(e.txid::text::bigint)
                      || e.row_hmac || e.body)
        from core.audit_entry e
        where e.epoch = p_epoch and e.txid >= p_lo::text::xid8 and e.txid < p_hi::text::xid8
        order by e.txid, e.id limit p_limit
    $$
    """,
    """
    create function core.audit_left_over(p_epoch int)
    returns table (entry_id uuid, txid bigint, leaf_hash bytea)
    language sql stable security definer set search_path = pg_catalog as $$
        select e.id, e.txid::text::bigint,
               sha256('\\x00'::bytea || int4send(e.epoch) || int8send(e.txid::text::bigint)
                      || e.row_hmac || e.body)
        from core.audit_entry e
        where e.epoch < p_epoch and not exists (select from core.audit_leaf l where l.entry_id = e.id)
        order by e.epoch, e.txid, e.id
    $$
    """,
    """
    create function core.audit_backlog(p_epoch int, p_lo bigint)
    returns table (entries bigint, oldest timestamptz)
    language sql stable security definer set search_path = pg_catalog as $$
        select count(*), min(e.at) from core.audit_entry e
        where e.epoch > p_epoch or (e.epoch = p_epoch and e.txid >= p_lo::text::xid8)
    $$
    """,
    """
    create function core.audit_append_only() returns trigger language plpgsql as $$
    begin
        raise exception '% on %: the audit trail is append-only', tg_op, tg_table_name
            using errcode = 'insufficient_privilege';
    end
    $$
    """,
    *(
        statement.format(table=table)
        for table in ("audit_epoch", "audit_entry", "audit_leaf", "audit_seal")
        for statement in (
            "create trigger {table}_append_only before update or delete or truncate on core.{table} "
            "for each statement execute function core.audit_append_only()",
            # also when session_replication_role = replica
            "alter table core.{table} enable always trigger {table}_append_only",
        )
    ),
    *(
        f"revoke all on function core.{function} from public"
        for function in (
            "audit_pending(int, bigint, bigint, bigint)",
            "audit_left_over(int)",
            "audit_backlog(int, bigint)",
        )
    ),
)

# The read role gets no entries: the table is walled and read as the app role with a scope set.
GRANTS: tuple[str, ...] = (
    "grant select, insert on core.audit_entry, core.audit_leaf, core.audit_seal to {app}",
    "grant select on core.audit_epoch to {app}",
    "grant select on core.audit_epoch, core.audit_leaf, core.audit_seal to {read}",
    "grant execute on function core.audit_pending(int, bigint, bigint, bigint) to {app}",
    "grant execute on function core.audit_left_over(int) to {app}",
    "grant execute on function core.audit_backlog(int, bigint) to {app}",
)

DROP: tuple[str, ...] = (
    "drop table core.audit_seal, core.audit_leaf, core.audit_entry",
    "drop function core.audit_pending(int, bigint, bigint, bigint), core.audit_left_over(int), "
    "core.audit_backlog(int, bigint), core.audit_current_epoch()",
    "drop table core.audit_epoch",
    "drop function core.audit_append_only()",
)


def create(app: str, read: str) -> list[str]:
    """All statements in order, for the owner to run one by one; schema `core` must exist."""
    roles = {"app": _quoted(app), "read": _quoted(read)}
    return [*TABLES, *(grant.format(**roles) for grant in GRANTS)]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
