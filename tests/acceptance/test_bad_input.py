"""Bad input of domain/core.md §1, §5 and §14: its typed error, one audit entry, nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sanzhi_core.testing.world import World

from .conftest import COUNTY, TOWN, Caller, Evidence, Person, StarVillage

A, B, C = "990428101201", "990428101202", "990428101203"
Make = Callable[..., Awaitable[StarVillage]]
Run = Callable[[], Awaitable[list[str]]]
ADULT, MINOR = {"idType": "NONE", "birthDate": "1980-01-01"}, {"idType": "NONE", "birthDate": "2015-01-01"}


def unit(world: World, code: str) -> str:
    return f"OrgUnit_{world.id(code)}"


# -- codes, core.md §1 ------------------------------------------------------------------------------------------------
async def test_bad_codes_of_units(county: Caller, world: World, evidence: Evidence) -> None:
    town, city_like = unit(world, TOWN), unit(world, COUNTY)
    new = {"name": "新村", "docNo": "县政〔2026〕2号"}
    for parent, code, reason in (
        (town, "99042810120", "LENGTH"),
        (town, "9904281012040", "LENGTH"),
        (town, "99042810120A", "NOT_DIGITS"),
        (town, "990428101700", "VILLAGE_RANGE"),
        (town, "990428102204", "WRONG_PREFIX"),
        (city_like, "990400101", "COUNTY_ZERO"),
        (city_like, "990428700", "TOWN_RANGE"),
        (city_like, "990428101204", "PARENT_LEVEL"),
        (unit(world, A), "990428101201000", "GRID_RANGE"),
    ):
        assert await evidence.reasons(county, "createOrgUnit", parentId=parent, code=code, **new) == [reason]
    community = {"parentId": town, "code": "990428101204", "kind": "COMMUNITY"}
    assert await evidence.reasons(county, "createOrgUnit", **community, **new) == ["KIND_MISMATCH"]
    area = {"parentId": town, "code": "990428101204", "areaKm2": "-0.01"}
    assert await evidence.reasons(county, "createOrgUnit", **area, **new) == ["GREATER_THAN_EQUAL"]
    taken = {"parentId": town, "code": A}
    await evidence.refusal(county, "DUPLICATE_RECORD", "createOrgUnit", **taken, **new)


async def test_writing_to_an_abolished_unit(county: Caller, world: World, evidence: Evidence) -> None:
    """ORG_INACTIVE with the successors."""
    query = "query($id: ID!) { orgUnit(id: $id) { version } }"
    given = {"unitId": unit(world, B), "docNo": "县政〔2026〕5号"}

    async def version() -> int:
        return int((await county.ask(query, id=given["unitId"]))["orgUnit"]["version"])

    await county.done(
        "abolishOrgUnit",
        expectedVersion=await version(),
        reason="建制调整",
        successorIds=[unit(world, C)],
        **given,
    )
    again = {"expectedVersion": await version(), "name": "西岭新村", **given}
    await evidence.refusal(county, "ORG_INACTIVE", "renameOrgUnit", **again)
    payload = await county.post(
        "mutation($input: RenameOrgUnitInput!) { renameOrgUnit(input: $input) "
        "{ errors { ... on OrgInactive { unitCode successorCodes } } } }",
        input={"idempotencyKey": "00000000-0000-4000-8000-000000000001", **again},
    )
    shown = payload.json()["data"]["renameOrgUnit"]["errors"]
    assert shown == [{"unitCode": B, "successorCodes": [C]}]


# -- numbers of documents, core.md §5 ---------------------------------------------------------------------------------
async def test_bad_identity_numbers(person: Person, world: World, evidence: Evidence) -> None:
    clerk = await person("dailu", ("CLERK", A))
    household = {"villageId": unit(world, A), "householdNo": "坏01"}
    for number, reason in (
        ("990428198512310024", "CHECKSUM"),
        ("990428195002290014", "BIRTH_DATE"),  # 1950-02-29, the check character is right
        ("99042819851231002", "LENGTH"),
        ("990428202713010014", "BIRTH_DATE"),  # month 13
        ("990428851231002", "FIRST_GENERATION"),
        ("990428184912310017", "BIRTH_RANGE"),
        ("990428202611240015", "BIRTH_RANGE"),  # tomorrow
    ):
        head = {"name": "测试某", "idNumber": number}
        assert await evidence.reasons(clerk, "createHousehold", head=head, **household) == [reason], number
    for n, number in enumerate(("990428198512310023", " 99042820101106001６ ", "990428200811220036")):
        head = {"name": "测试某", "idNumber": number}
        await clerk.done("createHousehold", villageId=unit(world, A), householdNo=f"好{n}", head=head)


async def test_bad_credit_codes(county: Caller, world: World, evidence: Evidence) -> None:
    new = {"parentId": unit(world, TOWN), "code": "990428101205", "name": "新村", "docNo": "2号"}
    for credit, reason in (("54990428MF1234567D", "USCC_CHECK"), ("91990428MA0TEST00X", "USCC_CHARACTERS")):
        assert await evidence.reasons(county, "createOrgUnit", uscc=credit, **new) == [reason]
    await county.done("createOrgUnit", uscc="54990428MF1234567C", **new)


# -- people, roles, versions, limits: core.md §14 ---------------------------------------------------------------------
async def test_bad_households(county: Caller, person: Person, world: World, evidence: Evidence) -> None:
    clerk = await person("dailu", ("CLERK", A))
    home = {"villageId": unit(world, A), "householdNo": "甲01"}
    minor = {"name": "小某", **MINOR}
    adult = {"name": "大某", "relation": "PARENT", **ADULT}
    reasons = await evidence.reasons(clerk, "createHousehold", head=minor, members=[adult], **home)
    assert reasons == ["HEAD_NOT_ADULT"]
    for phone in ("12345", "23800000000", "138000000001", "0351-12"):
        head = {"name": "大某", "phone": phone, **ADULT}
        assert len(await evidence.reasons(clerk, "createHousehold", head=head, **home)) == 1, phone
    head = {"name": "大某", "phone": "", "idNumber": "990428198512310023"}
    made = await clerk.done("createHousehold", "household { id version }", head=head, **home)

    # The same person in a second household; another village's clerk does not learn in which.
    twin = {"head": {"name": "另某", "idNumber": "990428198512310023"}}
    second = {"villageId": unit(world, A), "householdNo": "甲02", **twin}
    await evidence.refusal(clerk, "DUPLICATE_RECORD", "createHousehold", **second)
    stranger = await person("dailub", ("CLERK", B))
    elsewhere = {"villageId": unit(world, B), "householdNo": "乙01", **twin}
    for caller, given, existing in (
        (clerk, second, made["household"]["id"].partition("_")[2]),
        (stranger, elsewhere, None),
    ):
        payload = await caller.post(
            "mutation($input: CreateHouseholdInput!) { createHousehold(input: $input) "
            "{ errors { ... on DuplicateRecord { existingId } } } }",
            input={"idempotencyKey": "00000000-0000-4000-8000-000000000002", **given},
        )
        assert payload.json()["data"]["createHousehold"]["errors"] == [{"existingId": existing}]

    # A grid of another village.
    grid = await county.done(
        "createOrgUnit",
        "unit { id }",
        parentId=unit(world, B),
        code=f"{B}001",
        name="西岭一格",
        docNo="3号",
    )
    place = {"householdId": made["household"]["id"], "expectedVersion": made["household"]["version"]}
    moved = {**place, "gridId": grid["unit"]["id"]}
    assert await evidence.reasons(clerk, "assignHousehold", **moved) == ["OTHER_VILLAGE"]
    stale = {**place, "expectedVersion": place["expectedVersion"] + 1}
    await evidence.refusal(clerk, "VERSION_CONFLICT", "assignHousehold", **stale)


async def test_bad_dates(person: Person, world: World, evidence: Evidence) -> None:
    """A day that does not exist is no value of the API: the request is refused before it is a command."""
    clerk = await person("dailu", ("CLERK", A))
    contents, trail = await evidence.contents(), await evidence.trail()
    head = {"name": "大某", "idType": "NONE", "birthDate": "2026-02-29"}
    reply = await clerk.post(
        "mutation($input: CreateHouseholdInput!) { createHousehold(input: $input) { errors { code } } }",
        input={
            "idempotencyKey": "00000000-0000-4000-8000-000000000003",
            "villageId": unit(world, A),
            "householdNo": "甲01",
            "head": head,
        },
    )
    assert reply.json()["errors"][0]["extensions"]["code"] == "BAD_VALUE"
    assert (await evidence.contents(), await evidence.trail()) == (contents, trail)


async def test_bad_roles(security: Caller, person: Person, world: World, evidence: Evidence) -> None:
    clerk = await person("dailu", ("CLERK", A))
    account = (await clerk.ask("{ viewer { accountId } }"))["viewer"]["accountId"]
    grant = {"accountId": account, "roleCode": "CLERK", "unitId": unit(world, B), "basis": "任命"}
    same_day = {"validFrom": "2026-12-01", "validTo": "2026-12-01"}
    assert await evidence.reasons(security, "grantRole", **grant, **same_day) == ["NOT_AFTER_START"]
    wrong_level = {**grant, "unitId": unit(world, TOWN)}
    assert await evidence.reasons(security, "grantRole", **wrong_level) == ["NOT_AT_LEVEL"]
    status = {"accountId": account, "status": "SUSPENDED", "reason": "调离"}
    version = (await security.ask("query($id: ID!) { account(id: $id) { version } }", id=account))["account"]
    await security.done("setAccountStatus", expectedVersion=version["version"], **status)
    assert await evidence.reasons(security, "grantRole", **grant) == ["NOT_ACTIVE"]


async def test_supervision_excludes_the_committee_and_its_near_relatives(
    make_village: Make, evidence: Evidence
) -> None:
    village = await make_village(A, households=2, members=12)
    watch = await village.seat("SUPERVISION")
    brother, director = village.homes["户0001"].head, village.members[0]
    for resident in (director, brother):
        if resident == brother:
            await village.clerk.done(
                "declareKinship", residentId=director, relativeId=brother, relation="SIBLING"
            )
        given = {"bodyId": watch, "residentId": resident, "basis": "推选"}
        await evidence.refusal(village.director, "CONFLICT_OF_INTEREST", "addTerm", **given)


async def test_queries_beyond_the_limits(person: Person, evidence: Evidence) -> None:
    """Each limit of the gate has its own code; nothing is read or written."""
    caller = await person("dongping", ("VC_DIRECTOR", A))
    deep = "{ " + "parent { " * 14 + "code" + " }" * 14 + " }"
    costly = (
        "{ orgUnits(first: 100) { nodes { children(first: 100) { nodes { households(first: 100) "
        "{ nodes { id } } } } } } }"
    )
    codes = []
    contents = await evidence.contents()
    for query in (
        f"{{ orgUnits(first: 1) {{ nodes {deep} }} }}",
        costly,
        "{ orgUnits(first: 101) { nodes { id } } }",
    ):
        reply = await caller.post(query)
        assert reply.status_code == 400
        codes.append(reply.json()["errors"][0]["extensions"]["code"])
    assert len(set(codes)) == 3, codes
    assert all(code.startswith("GATE_") for code in codes)
    assert await evidence.contents() == contents


async def test_idempotency_key_for_another_command(person: Person, world: World, evidence: Evidence) -> None:
    director = await person("dongping", ("VC_DIRECTOR", A))
    given = {"idempotencyKey": "00000000-0000-4000-8000-000000000004", "unitId": unit(world, A)}
    first = await director.done("createBody", "body { id }", kind="VC", **given)
    assert await director.done("createBody", "body { id }", kind="VC", **given) == first
    await evidence.refusal(director, "IDEMPOTENCY_CONFLICT", "createBody", kind="MORAL_COUNCIL", **given)
