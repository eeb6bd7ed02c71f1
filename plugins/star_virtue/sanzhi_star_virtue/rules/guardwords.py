"""Grounds on which no star may be given, refused or taken (domain/star_virtue.md §1).

Check items are observable acts; no item, evidence or reason may refer to belief, opinion, religion, party
membership, a lawful petition, complaint or report (信访、投诉、举报), or being a plaintiff. S09 and S10 never
use medical records or school grades. The word lists are a net, not a judge: people decide what passes it.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from sanzhi_core.kit.refusals import InvalidInput

# Simplified and traditional forms, matched after white space and punctuation are taken out. Look-arounds
# spare harmless words with the same characters (诚信教育, 教会孩子, 一起诉说, 以上诉求, 网上访问).
_CHINESE: Final[dict[str, str]] = {
    "RELIGION": r"宗教|信教(?![育学师程练导])|教徒(?!弟)|[去到入进]教[会會]|"
    r"教[会會](?=活动|聚会|组织|信|礼)|教堂|基督|天主|(?<!仿)佛教|(?<!知)道教(?![育学师书导会])|伊斯[兰蘭]|穆斯林|清真寺|"
    r"[礼禮]拜(?![天日一二三四五六])|[祷禱]告|拜佛|念佛|弥撒",
    "BELIEF": r"信仰|政治([观觀][点點]|立[场場]|[态態]度|[倾傾]向|言[论論])|"
    r"思想倾向|(发表|不当)言论|政[见見](?![习習])",
    "PARTY_MEMBERSHIP": r"[党黨][员員]|入[党黨](?!群)|[党黨][籍龄费派]|政治面貌|"
    r"[预預][备備][党黨]|共青[团團][员員]",
    "PETITION": r"信[访訪](?![谈問问])|上[访訪](?![谈問问])|[缠闹][访訪]|[请請][愿願](?!意)",
    "COMPLAINT": r"投[诉訴]|告[状狀]|12345热线",
    "REPORT": r"(?<!列)[举舉][报報]|[检檢][举舉]|控告|揭[发發]",
    "PLAINTIFF": r"原告(?![诉知])|起[诉訴](?![说苦])|[诉訴][讼訟]|打官司|上[诉訴](?!求)|申[请請]仲裁",
}
_ENGLISH: Final[dict[str, str]] = {
    "RELIGION": r"religio\w*|church\w*|mosque\w*|christian\w*|buddhis\w*|muslim\w*|islam\w*|taois\w*|"
    r"catholic\w*|prayers?|pray(s|ed|ing)?|(?<!good )faith",
    "BELIEF": r"beliefs?|ideolog\w*|political (view|attitude|leaning)s?|opinions?",
    "PARTY_MEMBERSHIP": r"party[ -]?member\w*|political status|^party$",
    "PETITION": r"petition\w*",
    "COMPLAINT": r"complain\w*",
    "REPORT": r"whistle[ -]?blow\w*|informants?|reported|reporting (to|against|of)|denounc\w*|^reports?$",
    "PLAINTIFF": r"plaintiffs?|lawsuits?|litigat\w*|sued|suing",
}
_RECORDS_CHINESE: Final[dict[str, str]] = {
    "MEDICAL_RECORD": r"病[历歷史情]|[诊診][断斷]|体检(报告|结果)|化验单|残疾证|住院记录|处方",
    "SCHOOL_GRADE": r"成[绩績]单|(考试|学习|学业|期末)成[绩績]|考试分数|高考|中考|"
    r"(班级|年级|考试)(排名|名次)|升学率",
}
_RECORDS_ENGLISH: Final[dict[str, str]] = {
    "MEDICAL_RECORD": r"medical (record|report|history)s?|diagnos\w*|hospital records?",
    "SCHOOL_GRADE": r"school (grade|mark)s?|exam(ination)? (result|score|grade|mark)s?|"
    r"report cards?|transcripts?",
}


def _compiled(chinese: dict[str, str], english: dict[str, str]) -> dict[str, tuple[re.Pattern[str], ...]]:
    return {key: (re.compile(chinese[key]), re.compile(rf"\b(?:{english[key]})\b")) for key in chinese}


_GROUNDS: Final = _compiled(_CHINESE, _ENGLISH)
_RECORDS: Final = _compiled(_RECORDS_CHINESE, _RECORDS_ENGLISH)


def forbidden_ground(text: str, star: str | None = None) -> str | None:
    """The forbidden ground that a text refers to, or None.

    Keys: RELIGION, BELIEF, PARTY_MEMBERSHIP, PETITION, COMPLAINT, REPORT, PLAINTIFF; for the stars S09 and
    S10 also MEDICAL_RECORD and SCHOOL_GRADE. Reason codes such as `PETITION_FILED` are found too.
    """
    plain = unicodedata.normalize("NFKC", text).casefold().replace("_", " ").strip()
    # letters, marks and numbers only: 信·访 and zero-width characters hide nothing
    dense = "".join(c for c in plain if unicodedata.category(c)[0] in "LMN")
    grounds = _GROUNDS | _RECORDS if star in ("S09", "S10") else _GROUNDS
    for ground, (chinese, english) in grounds.items():
        if chinese.search(dense) or english.search(plain):
            return ground
    return None


def refuse_forbidden_ground(text: str, field: str, star: str | None = None) -> None:
    """Raises InvalidInput (`FORBIDDEN_GROUND`, with the ground) and does not repeat the text."""
    ground = forbidden_ground(text, star)
    if ground is not None:
        raise InvalidInput(
            field,
            "FORBIDDEN_GROUND",
            "评星理由和证据不得涉及信仰、观点、宗教、党派身份、信访、投诉、举报、诉讼，"
            "卫生健康星和科教文体星不得使用病历和学习成绩",
            "Stars are not judged by belief, opinion, religion, party membership, petitions, complaints, "
            "reports or lawsuits, nor by medical records or school grades",
            ground=ground,
        )
