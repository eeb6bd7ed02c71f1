"""The ten stars as a versioned catalogue: shipped version, a county's own versions, which one a cycle takes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID, uuid5

import sqlalchemy as sa
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from sanzhi_core.errors import DuplicateRecord, NotFound, ValidationFailed
from sanzhi_core.platform.command import operation
from sanzhi_core.platform.inputs import CommandInput, Input, id_of
from sanzhi_core.platform.work import Work
from sanzhi_star_virtue.models import Definition, DefinitionSet
from sanzhi_star_virtue.permissions import DEFINITION_PUBLISH
from sanzhi_star_virtue.rules.stars import (
    SEED_STARS,
    CheckItem,
    Evidence,
    Ground,
    StarDefinition,
    check_version,
)

SHIPPED_VERSION: Final = "2022.1"
_NAMESPACE: Final = UUID("9a2d3f64-6f0c-5d0a-8f57-0d6f2a6a2022")
SHIPPED_SET_ID: Final = uuid5(_NAMESPACE, SHIPPED_VERSION)


def seed_rows() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of `star_virtue.definition_set` and `star_virtue.definition` shipped with the plugin [seed 002]."""
    since = datetime(2022, 1, 1, tzinfo=UTC)
    sets = [
        {
            "id": SHIPPED_SET_ID,
            "county_id": None,
            "definition_version": SHIPPED_VERSION,
            "valid_from": since.date(),
            "published_at": since,
            "doc_no": None,
        }
    ]
    stars = [
        {"id": uuid5(_NAMESPACE, star.code), "set_id": SHIPPED_SET_ID, "position": n, **_columns(star)}
        for n, star in enumerate(SEED_STARS, start=1)
    ]
    return sets, stars


def _columns(star: StarDefinition) -> dict[str, Any]:
    return {
        "code": star.code,
        "name": star.name,
        "content": star.content,
        "meaning_en": star.meaning_en,
        "check_items": [
            {"act": i.act, "evidence": str(i.evidence), "ground": str(i.ground)} for i in star.check_items
        ],
    }


class StarCheckItem(Input):
    """一项可观察的行为 / An observable act."""

    act: str = Field(min_length=2, max_length=200, description="行为 / The act")
    evidence: Evidence = Field(description="证明方式 / How it is shown")
    ground: Ground = Field(
        Ground.OTHER, description="内容类别；S01 只限集体劳动、集体财物 / What it is about"
    )


class StarDefinitionChange(Input):
    """一颗星的新内容 / New wording of one star."""

    code: str = Field(pattern="^S(0[1-9]|10)$", description="星的代码 S01–S10 / Code of the star, S01 to S10")
    name: str = Field(min_length=2, max_length=20, description="名称 / Name")
    content: str = Field(min_length=2, max_length=60, description="内容 / Content")
    meaning_en: str = Field(min_length=2, max_length=120, description="英文说明 / Meaning in English")
    check_items: list[StarCheckItem] = Field(
        min_length=1, max_length=20, description="评定内容 / Check items"
    )


class PublishStarDefinitions(CommandInput):
    """发布新版十星标准 / Publish a new version of the ten stars."""

    county_id: id_of("OrgUnit") = Field(description="县 / County")  # type: ignore[valid-type]
    definition_version: str = Field(
        min_length=1, max_length=30, pattern=r"^[0-9A-Za-z._-]+$", description="版本号 / Name of the version"
    )
    valid_from: date = Field(description="生效日 / First day on which new cycles take it")
    doc_no: str = Field(min_length=2, max_length=100, description="文号 / Document number")
    stars: list[StarDefinitionChange] = Field(
        min_length=1, max_length=20, description="十颗星，缺一不可 / The ten stars, all of them"
    )


@operation("star_virtue.definition.publish", permission=DEFINITION_PUBLISH, returns="StarDefinitionSet")
async def publish_definitions(work: Work, input: PublishStarDefinitions) -> DefinitionSet:
    """A new version for the county's later cycles; those running keep theirs. Exactly ten stars, no forbidden ground."""
    county = await work.unit(input.county_id, level="COUNTY")
    stars = [
        StarDefinition(
            s.code, s.name, s.content, s.meaning_en,
            tuple(CheckItem(i.act, i.evidence, i.ground) for i in s.check_items),
        )
        for s in input.stars
    ]  # fmt: skip
    check_version(stars)
    if input.valid_from < work.today:
        raise ValidationFailed.of(
            "validFrom", "IN_THE_PAST", "生效日不能在过去", "The first day must not be past"
        )
    taken = await work.session.scalar(
        sa.select(DefinitionSet.id).where(
            DefinitionSet.definition_version == input.definition_version,
            sa.or_(DefinitionSet.county_id.is_(None), DefinitionSet.county_id == county.id),
        )
    )
    if taken is not None:
        raise DuplicateRecord(
            taken, detail_zh="该版本号已使用", detail_en="A version of this name is published already"
        )
    row = DefinitionSet(
        county_id=county.id,
        definition_version=input.definition_version,
        valid_from=input.valid_from,
        published_at=work.now,
        doc_no=input.doc_no,
    )
    work.session.add(row)
    await work.session.flush()
    for n, star in enumerate(sorted(stars, key=lambda s: s.code), start=1):
        work.session.add(Definition(set_id=row.id, position=n, **_columns(star)))
    return row


async def current_set(session: AsyncSession, county_id: UUID | None, on: date) -> DefinitionSet:
    """The version a cycle beginning on a day takes: the county's newest, else the shipped one."""
    found = await session.scalar(
        sa.select(DefinitionSet)
        .where(
            DefinitionSet.valid_from <= on,
            sa.or_(DefinitionSet.county_id.is_(None), DefinitionSet.county_id == county_id),
        )
        .order_by(
            DefinitionSet.county_id.is_(None),
            DefinitionSet.valid_from.desc(),
            DefinitionSet.published_at.desc(),
        )
        .limit(1)
    )
    if found is None:
        raise NotFound("StarDefinitionSet")
    return found


async def stars_of(session: AsyncSession, set_id: UUID) -> Mapping[str, Definition]:
    """The stars of a version by code, in their order."""
    rows = await session.scalars(
        sa.select(Definition).where(Definition.set_id == set_id).order_by(Definition.position)
    )
    return {row.code: row for row in rows}
