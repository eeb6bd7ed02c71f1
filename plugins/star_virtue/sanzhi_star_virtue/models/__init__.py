"""Tables of star_virtue, in the PostgreSQL schema `star_virtue`."""

from sanzhi_star_virtue.models.catalogue import Definition, DefinitionSet
from sanzhi_star_virtue.models.cycle import Cycle, Entry, SelfRating
from sanzhi_star_virtue.models.honours import HonourRollItem, Plaque, PointsBalance, PointsEntry
from sanzhi_star_virtue.models.objection import Objection, ObjectionAuthor
from sanzhi_star_virtue.models.review import Meeting, Nomination, Presence, Recusal, Vote

ALL = (
    DefinitionSet,
    Definition,
    Cycle,
    Entry,
    SelfRating,
    Meeting,
    Presence,
    Recusal,
    Vote,
    Nomination,
    Objection,
    ObjectionAuthor,
    Plaque,
    HonourRollItem,
    PointsBalance,
    PointsEntry,
)

__all__ = [
    "ALL",
    "Cycle",
    "Definition",
    "DefinitionSet",
    "Entry",
    "HonourRollItem",
    "Meeting",
    "Nomination",
    "Objection",
    "ObjectionAuthor",
    "Plaque",
    "PointsBalance",
    "PointsEntry",
    "Presence",
    "Recusal",
    "SelfRating",
    "Vote",
]
