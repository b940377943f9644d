"""An audit of a task: can any equivariant model learn it? The answer is known before training."""

from equivar.audit.alignment import PerPoint
from equivar.audit.auditing import audit_task
from equivar.audit.report import Audit

__all__ = ["Audit", "PerPoint", "audit_task"]
