import pytest

from sanzhi_core.kit.refusals import InvalidInput
from sanzhi_star_virtue.rules.guardwords import forbidden_ground, refuse_forbidden_ground


@pytest.mark.parametrize(
    ("text", "ground"),
    [
        ("该户信教", "RELIGION"),
        ("去教会聚会", "RELIGION"),
        ("每周礼拜", "RELIGION"),
        ("attends church", "RELIGION"),
        ("信仰不坚定", "BELIEF"),
        ("政治观点有问题", "BELIEF"),
        ("his political views", "BELIEF"),
        ("家中有党员", "PARTY_MEMBERSHIP"),
        ("已递交入党申请", "PARTY_MEMBERSHIP"),
        ("政治面貌：群众", "PARTY_MEMBERSHIP"),
        ("a party member lives there", "PARTY_MEMBERSHIP"),
        ("去年到县里信访", "PETITION"),
        ("多次上访", "PETITION"),
        ("信 访", "PETITION"),
        ("信·访", "PETITION"),
        ("信\u200b访", "PETITION"),
        ("信訪", "PETITION"),
        ("PETITION", "PETITION"),
        ("PETITION_FILED", "PETITION"),
        ("ＰＥＴＩＴＩＯＮ", "PETITION"),
        ("投诉过村干部", "COMPLAINT"),
        ("COMPLAINT", "COMPLAINT"),
        ("举报邻居违建", "REPORT"),
        ("舉報", "REPORT"),
        ("REPORT", "REPORT"),
        ("REPORTED_TO_COUNTY", "REPORT"),
        ("是案件原告", "PLAINTIFF"),
        ("和村里打官司", "PLAINTIFF"),
        ("she was the plaintiff", "PLAINTIFF"),
    ],
)
def test_forbidden(text: str, ground: str) -> None:
    assert forbidden_ground(text) == ground
    with pytest.raises(InvalidInput) as caught:
        refuse_forbidden_ground(text, "statement")
    assert caught.value.facts == {"field": "statement", "reason": "FORBIDDEN_GROUND", "ground": ground}


def test_the_refusal_does_not_repeat_the_text() -> None:
    with pytest.raises(InvalidInput) as caught:
        refuse_forbidden_ground("李某某多次上访", "statement")
    assert "李某某" not in f"{caught.value} {caught.value.facts} {caught.value.message_zh}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "参加村集体公益劳动",
        "参加诚信教育活动",
        "教会孩子做饭",
        "教徒弟修农机",
        "知道教育子女",
        "一起诉说往事",
        "对以上诉求的说明",
        "网上访问农技网站",
        "深入党群服务中心参加培训",
        "每逢礼拜天打扫村道",
        "列举报名的志愿者",
        "good faith in business",
        "家风和睦，邻里称赞",
        "体检报告",  # only S09 and S10 look at records
        "report on the harvest festival",
    ],
)
def test_harmless(text: str) -> None:
    assert forbidden_ground(text) is None
    refuse_forbidden_ground(text, "statement")


@pytest.mark.parametrize("star", ["S09", "S10"])
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        ("体检报告显示", "MEDICAL_RECORD"),
        ("有病历", "MEDICAL_RECORD"),
        ("medical records", "MEDICAL_RECORD"),
        ("孩子的成绩单", "SCHOOL_GRADE"),
        ("考试成绩第一", "SCHOOL_GRADE"),
        ("exam results", "SCHOOL_GRADE"),
    ],
)
def test_health_and_science_stars_use_no_medical_records_or_school_grades(
    text: str, ground: str, star: str
) -> None:
    assert forbidden_ground(text, star) == ground
    assert forbidden_ground(text, "S05") is None


def test_sport_and_prevention_stay_possible() -> None:
    assert forbidden_ground("体育比赛取得好成绩", "S10") is None
    assert forbidden_ground("配合防疫，预防传染病", "S09") is None
