"""Act two: a pilot village. Clerk and director, groups, the register from Excel, councils, relatives, villagers online."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

from sanzhi.demo import documents as doc
from sanzhi.demo.api import Answer, Caller
from sanzhi.demo.county import PILOT_DOC, County, unit
from sanzhi.demo.population import GROUPS, Person, population, spoiled, workbook
from sanzhi.demo.stage import DemoFailed
from sanzhi.demo.story import Story

COUNCILS = (
    ("VC", 3, "DIRECTOR"),
    ("PARTY_BRANCH", 3, "SECRETARY"),
    ("MORAL_COUNCIL", 5, "CHAIR"),
    ("WEDDING_FUNERAL", 5, "CHAIR"),
    ("ANTI_DRUG_GAMBLING", 5, "CHAIR"),
    ("DELIBERATION_COUNCIL", 3, "CHAIR"),
)
"""Kind, members, the post of the first one. Heads of the first households sit in them, in this order."""

SEATS = sum(n for _, n, _ in COUNCILS)
MORAL = slice(6, 11)


@dataclass(frozen=True)
class Plot:
    """What people do in a village; what comes of it is the system's to reckon.

    `rated`: households that hand in a form; `online`: numbers of those that do it on their phone; `veteran`: the
    household with a certificate, `plain` the one that gets as many votes without; `relative`: household whose head is
    a sibling of council member `member`.
    """

    code: str
    farm: int
    rated: int
    online: tuple[int, ...]
    veteran: int
    plain: int
    relative: int
    member: int = 20


@dataclass
class Village:
    """A pilot village with who acts there. `heads`: resident id of the head by household number."""

    plot: Plot
    number: int
    id: str
    name: str
    director: Caller
    clerk: Caller
    heads: dict[int, str] = field(default_factory=dict)
    households: dict[int, str] = field(default_factory=dict)
    villagers: dict[int, Caller] = field(default_factory=dict)
    council: Caller | None = None
    cycle: str = ""
    states: list[str] = field(default_factory=list)

    @property
    def members(self) -> list[str]:
        """Those who sit in the councils, in order of their households."""
        return [self.heads[n] for n in range(1, SEATS + 1)]

    @property
    def present(self) -> list[str]:
        """Who comes to meetings: all but the last two."""
        return self.members[:-2]


def found_village(story: Story, county: County, plot: Plot, number: int) -> Village:
    """Accounts of director and clerk, groups, the register."""
    place = unit(county.caller("wenmingban"), plot.code)
    director = county.add_person(
        f"zhuren{number}", f"{place['name']}主任", place["id"], ("VC_DIRECTOR", place["id"])
    )
    clerk = county.add_person(
        f"dailu{number}", f"{place['name']}代录员", place["id"], ("CLERK", place["id"]), channel="WINDOW"
    )
    village = Village(plot, number, place["id"], place["name"], director, clerk)
    for name in GROUPS:
        director.do(doc.CREATE_GROUP, villageId=village.id, name=name)
    _import(story, village)
    _read_households(village)
    return village


def _import(story: Story, village: Village) -> None:
    """First a dry run of a file with one mistyped number, then the corrected one."""
    plot = village.plot
    people = population(village.number, plot.farm, veterans=(plot.veteran,))
    mistyped = [*people[:-1], spoiled(people[-1])]
    tried = _send(village, mistyped, dry_run=True)
    if tried["errorCount"] != 1 or tried["written"]:
        raise DemoFailed(f"importPeople dry run: {tried}")
    error = tried["errors"][0]
    story.line(
        f"{village.name}：Excel 试导入 {tried['rows']} 行，第 {error['line']} 行{error['column']}有误：{error['messageZh']}",
        f"dry run of {tried['rows']} rows found the one mistyped ID number; nothing was written",
    )
    done = _send(village, people, dry_run=False)
    story.line(
        f"{village.name}：改正后导入 {done['householdsCreated']} 户 {done['residentsCreated']} 人"
        f"（全部虚构，证件号为不存在的 99 省）",
        f"imported {done['householdsCreated']} households, {done['residentsCreated']} invented people of province 99",
    )


def _send(village: Village, people: list[Person], *, dry_run: bool) -> Answer:
    content = base64.b64encode(workbook(people, village.name)).decode()
    result: Answer = village.clerk.do(
        doc.IMPORT_PEOPLE,
        villageId=village.id, fileName="户籍.xlsx", contentBase64=content, dryRun=dry_run, skipBad=False,
    )["result"]  # fmt: skip
    return result


def _read_households(village: Village) -> None:
    for row in village.director.pages(doc.HOUSEHOLDS, "households", village=village.id):
        number = int(row["householdNo"])
        village.households[number], village.heads[number] = row["id"], row["head"]["id"]


def form_councils(story: Story, county: County, village: Village) -> None:
    """Bodies and terms; who sits on the moral council gets an account; a declared near relative."""
    seated = iter(village.members)
    for kind, seats, first_post in COUNCILS:
        body = village.director.do(doc.CREATE_BODY, unitId=village.id, kind=kind)["body"]["id"]
        for seat in range(seats):
            village.director.do(
                doc.ADD_TERM,
                bodyId=body, residentId=next(seated), post="MEMBER" if seat else first_post, basis="村民代表会议推选",
            )  # fmt: skip
    village.council = county.add_person(
        f"pingyi{village.number}", "道德评议会主任", village.id, ("MORAL_COUNCIL", village.id),
        resident_id=village.members[MORAL][0],
    )  # fmt: skip
    plot = village.plot
    village.clerk.do(
        doc.DECLARE_KINSHIP,
        residentId=village.heads[plot.member], relativeId=village.heads[plot.relative], relation="SIBLING",
    )  # fmt: skip
    story.line(
        f"{village.name}：两委和四会共 {SEATS} 人任职；第 {plot.member} 户户主申报与第 {plot.relative} 户户主为兄弟姐妹",
        f"{SEATS} seats in the committees and councils; one declared a sibling, for recusal later",
    )


def give_phones(story: Story, county: County, village: Village) -> None:
    """Accounts of the heads who rate on their phone."""
    for number in village.plot.online:
        village.villagers[number] = county.add_person(
            f"cun{village.number}hu{number:03d}", f"第{number}户户主", village.id,
            ("RESIDENT", village.id), resident_id=village.heads[number], channel="APP",
        )  # fmt: skip
    story.line(
        f"{village.name}：{len(village.villagers)} 户开通手机端，其余到村委会填纸质表由代录员代录（{PILOT_DOC}）",
        f"{len(village.villagers)} households use the app, the others paper and the clerk",
    )
