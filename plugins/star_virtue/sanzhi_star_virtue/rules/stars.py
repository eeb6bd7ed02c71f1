"""The ten stars (seed 002): a versioned catalogue of observable acts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sanzhi_core.kit.catalogue import require_exactly
from sanzhi_core.kit.refusals import InvalidInput
from sanzhi_star_virtue.rules.guardwords import refuse_forbidden_ground


class Evidence(StrEnum):
    """证据种类 / How an act is shown."""

    SIGN_IN = "SIGN_IN"  # 签到记录
    SITE_CHECK = "SITE_CHECK"  # 现场查看
    PHOTO = "PHOTO"  # 照片
    WITNESS = "WITNESS"  # 证人
    AGREEMENT = "AGREEMENT"  # 合同、约定
    CERTIFICATE = "CERTIFICATE"  # 证书、手续
    REGISTER = "REGISTER"  # 台账登记


class Ground(StrEnum):
    """行为所涉 / What an act is about; S01 accepts the first two only."""

    COLLECTIVE_WORK = "COLLECTIVE_WORK"
    COLLECTIVE_PROPERTY = "COLLECTIVE_PROPERTY"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class CheckItem:
    """One observable act and how it is shown."""

    act: str
    evidence: Evidence
    ground: Ground = Ground.OTHER


@dataclass(frozen=True, slots=True)
class StarDefinition:
    code: str
    name: str
    content: str
    meaning_en: str
    check_items: tuple[CheckItem, ...]


CODES: Final = tuple(f"S{n:02d}" for n in range(1, 11))


def _seed(code: str, name: str, content: str, meaning_en: str, *items: CheckItem) -> StarDefinition:
    return StarDefinition(code, name, content, meaning_en, items)


# Names and contents are the seed's; the check items are our first proposal, a county edits them.
SEED_STARS: Final = (
    _seed("S01", "爱党爱国星", "爱党爱国、拥护集体", "love of country, support of the collective",
          CheckItem("参加村集体公益劳动", Evidence.SIGN_IN, Ground.COLLECTIVE_WORK),
          CheckItem("爱护集体财物，参与公共设施管护", Evidence.PHOTO, Ground.COLLECTIVE_PROPERTY)),
    _seed("S02", "勤劳致富星", "主动创业、带头致富", "enterprise, leading in prosperity",
          CheckItem("发展种植、养殖、加工或服务项目", Evidence.SITE_CHECK),
          CheckItem("带动邻里就业或传授技术", Evidence.WITNESS)),
    _seed("S03", "诚实守信星", "重约守信、诚实经营", "keeping agreements, honest business",
          CheckItem("按期履行合同和约定", Evidence.AGREEMENT),
          CheckItem("经营明码标价、不售假劣商品", Evidence.SITE_CHECK)),
    _seed("S04", "团结友善星", "与人为善、助人为乐", "kindness, helping",
          CheckItem("帮助有困难的邻里", Evidence.WITNESS),
          CheckItem("参加邻里互助活动", Evidence.SIGN_IN)),
    _seed("S05", "孝老爱亲星", "尊老爱幼、家庭和睦", "care of old and young",
          CheckItem("日常照料家中老人", Evidence.WITNESS),
          CheckItem("家庭成员共同照护儿童、分担家务", Evidence.WITNESS)),
    _seed("S06", "文明风尚星", "移风易俗、志愿服务", "reform of customs, volunteering",
          CheckItem("婚丧事宜按村规民约从简办理", Evidence.REGISTER),
          CheckItem("参加志愿服务", Evidence.SIGN_IN)),
    _seed("S07", "遵规守法星", "遵规守纪、自觉守法", "rules and law",
          CheckItem("建房、用地按规定办理手续", Evidence.CERTIFICATE),
          CheckItem("参加普法和禁毒禁赌宣传活动", Evidence.SIGN_IN)),
    _seed("S08", "绿色环保星", "低碳生活、保护生态", "low carbon, ecology",
          CheckItem("生活垃圾分类投放", Evidence.SITE_CHECK),
          CheckItem("不露天焚烧秸秆、垃圾", Evidence.SITE_CHECK)),
    _seed("S09", "卫生健康星", "清洁家园、健康防疫", "clean home, health",
          CheckItem("房前屋后和庭院干净整洁", Evidence.SITE_CHECK),
          CheckItem("参加环境卫生集中清扫", Evidence.SIGN_IN)),
    _seed("S10", "科教文体星", "崇尚科学、主动求知", "science and learning",
          CheckItem("参加技能培训或读书活动", Evidence.SIGN_IN),
          CheckItem("参加村里文化体育活动", Evidence.SIGN_IN)),
)  # fmt: skip


def check_definition(definition: StarDefinition) -> None:
    """Is one star fit to be used? Raises InvalidInput."""
    if definition.code not in CODES:
        raise unknown_star(definition.code, "code")
    if not definition.name.strip() or not definition.content.strip():
        raise InvalidInput("name", "EMPTY", "星级名称和内容不能为空", "A star needs a name and a content")
    if not definition.check_items:
        raise InvalidInput(
            "checkItems",
            "NO_OBSERVABLE_ACT",
            "每颗星至少要有一项可观察的行为",
            "A star needs at least one observable act",
            star=definition.code,
        )
    for item in definition.check_items:
        if not 2 <= len(item.act.strip()) <= 200:
            raise InvalidInput("checkItems", "LENGTH", "行为描述应为2–200字", "An act has 2–200 characters")
        refuse_forbidden_ground(item.act, "checkItems", definition.code)
        if definition.code == "S01" and item.ground is Ground.OTHER:
            raise InvalidInput(
                "checkItems",
                "S01_GROUND",
                "爱党爱国星只看参加集体劳动、爱护集体财物等行为",
                "S01 looks only at collective work and care of collective property",
            )


def check_version(definitions: Sequence[StarDefinition], count: int = len(CODES)) -> None:
    """A version of the catalogue has exactly `count` active stars, each of them fit. Raises InvalidInput."""
    require_exactly([definition.code for definition in definitions], count, "stars")
    for definition in definitions:
        check_definition(definition)


def unknown_star(code: str, field: str) -> InvalidInput:
    return InvalidInput(field, "UNKNOWN_STAR", f"没有代码为{code}的星", f"There is no star {code}", star=code)


def check_stars(codes: Iterable[str], active: Collection[str], field: str = "selfStars") -> frozenset[str]:
    """A set of stars out of those active in the cycle; empty is a set too. Raises InvalidInput."""
    listed = list(codes)
    if len(listed) > len(active):
        raise InvalidInput(
            field,
            "TOO_MANY_STARS",
            f"最多{len(active)}颗星",
            f"There are at most {len(active)} stars",
            maximum=len(active),
        )
    for code in listed:
        if code not in active:
            raise unknown_star(code, field)
    if len(set(listed)) != len(listed):
        raise InvalidInput(field, "DUPLICATE_STAR", "同一颗星重复", "A star is listed twice")
    return frozenset(listed)
