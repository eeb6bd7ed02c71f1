"""All mapped classes of the core, imported together so that every foreign key finds its table."""

from sanzhi_core.audit.record import AuditEntry
from sanzhi_core.identity import models as identity
from sanzhi_core.org import models as org
from sanzhi_core.org import staging
from sanzhi_core.people import models as people
from sanzhi_core.platform import models as platform

__all__ = ["AuditEntry", "identity", "org", "people", "platform", "staging"]
