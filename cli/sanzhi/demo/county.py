"""Act one: the county. First administrator, separate duties, officials, the plan for two pilot villages."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path

from sanzhi.demo import documents as doc
from sanzhi.demo.api import Answer, Caller
from sanzhi.demo.stage import DemoFailed
from sanzhi.demo.story import Story

COUNTY_CODE = "140428000000"
PLUGIN = "star_virtue"
YEAR = 2026
PILOT_DOC = "演示〔2026〕1号"


@dataclass
class County:
    """The county with those who act for it. `logins`: what was made, for whoever looks around afterwards."""

    port: int
    id: str = ""
    name: str = ""
    callers: dict[str, Caller] = field(default_factory=dict)
    logins: list[tuple[str, str, str]] = field(default_factory=list)

    def caller(self, key: str) -> Caller:
        """Somebody who has signed in."""
        return self.callers[key]

    def sign_in(self, login: str, password: str, channel: str = "WEB") -> Caller:
        """A caller with a token of its own."""
        answer = Caller(self.port, channel=channel).do(doc.SIGN_IN, login=login, password=password)
        return Caller(self.port, answer["session"]["token"], channel)

    def add_person(
        self,
        key: str,
        name: str,
        unit_id: str,
        *grants: tuple[str, str],
        resident_id: str | None = None,
        department: str | None = None,
        channel: str = "WEB",
    ) -> Caller:
        """An account with (role, unit id) grants, made by the security administrator, and its first sign-in."""
        password = new_password()
        admin = self.caller("security")
        more = {} if resident_id is None else {"residentId": resident_id}
        made = admin.do(
            doc.CREATE_ACCOUNT, unitId=unit_id, login=key, displayName=name, password=password, **more
        )
        for role, where in grants:
            more = {} if department is None else {"department": department}
            admin.do(
                doc.GRANT_ROLE,
                accountId=made["account"]["id"],
                roleCode=role,
                unitId=where,
                basis=PILOT_DOC,
                **more,
            )
        self.logins.append((key, password, name))
        self.callers[key] = self.sign_in(key, password, channel)
        return self.callers[key]

    def write_logins(self, path: Path) -> None:
        """The accounts of this throw-away county, readable by the owner of the folder only."""
        path.touch(mode=0o600)
        path.write_text("".join(f"{login}\t{password}\t{name}\n" for login, password, name in self.logins))


def new_password() -> str:
    """Random: no account of the demo has a password that anybody could know."""
    return f"{secrets.token_urlsafe(12)}aA1!"


def unit(caller: Caller, code: str) -> Answer:
    """A unit by code."""
    nodes = caller.ask(doc.UNIT, code=code)["orgUnits"]["nodes"]
    if not nodes:
        raise DemoFailed(f"没有单位 {code} / no unit {code}")
    found: Answer = nodes[0]
    return found


def set_up(story: Story, port: int, token: str) -> County:
    """The one-time token becomes the first administrator; then officials with separate duties."""
    county = County(port)
    anonymous = Caller(port)
    password = new_password()
    anonymous.do(
        doc.SET_UP,
        setupToken=token, login="security", displayName="安全管理员", password=password, unitCode=COUNTY_CODE,
    )  # fmt: skip
    county.logins.append(("security", password, "安全管理员"))
    county.callers["security"] = admin = county.sign_in("security", password)
    found = unit(admin, COUNTY_CODE)
    county.id, county.name = found["id"], found["name"]
    story.line(
        f"{county.name}：用一次性令牌 setUp 建立安全管理员，令牌随即作废",
        "setUp with the one-time token made the security administrator; the token is spent",
    )
    county.add_person("system", "系统管理员", county.id, ("SYS_ADMIN", county.id))
    county.add_person("audit", "审计管理员", county.id, ("AUDIT_ADMIN", county.id))
    county.add_person("wenmingban", "县文明办", county.id, ("COUNTY_DEPT", county.id), department="文明办")
    story.line(
        "三员分立：系统、安全、审计管理员；县文明办账户",
        "separate system, security and audit administrators; county office",
    )
    return county


def add_town(story: Story, county: County, village_code: str) -> Answer:
    """The town above the pilot villages, with its officials."""
    town: Answer = unit(county.caller("wenmingban"), village_code)["town"]
    county.add_person("zhenganbu", "镇干部", town["id"], ("TOWN_STAFF", town["id"]))
    story.line(f"{town['name']}：镇干部账户", "account of the town")
    return town


def open_year(story: Story, county: County) -> None:
    """The county opens the year for rating."""
    county.caller("wenmingban").do(
        doc.SET_SETTING,
        unitId=county.id, key="star.openYears", valueJson=f"[{YEAR}]", reason="部署年度评星", docNo=PILOT_DOC,
    )  # fmt: skip
    story.line(
        f"县文明办开启 {YEAR} 年度评星（设置项 star.openYears）", f"the county opened {YEAR} for rating"
    )


def plan(county: County, village: Answer) -> Answer:
    """Dry run of switching the plugin on in a village."""
    answer = county.caller("wenmingban").ask(
        doc.PLAN_PLUGIN, input={"plugin": PLUGIN, "unitId": village["id"], "state": "PILOT"}
    )
    planned: Answer = answer["planPluginEnable"]
    return planned


def enable(story: Story, county: County, village: Answer) -> None:
    """Plan first, then the decision with reason and document number."""
    planned = plan(county, village)
    if planned["blockers"]:
        raise DemoFailed(f"planPluginEnable: {planned['blockers']}")
    done = county.caller("wenmingban").do(
        doc.SET_PLUGIN,
        plugin=PLUGIN, unitId=village["id"], state="PILOT", reason="列为星级化德治试点村", docNo=PILOT_DOC,
    )["enablement"]  # fmt: skip
    story.line(
        f"{village['name']}：试算无障碍，{planned['currentState']} → {done['state']}（{done['docNo']}）",
        "plan without blockers, then switched to PILOT for this village only",
    )
