"""Where a model's symmetry breaks: an equivariance test for each of its modules at once."""

from equivar.trace.laws import Law, Motion
from equivar.trace.report import Row, Trace
from equivar.trace.tracing import trace_equivariance

__all__ = ["Law", "Motion", "Row", "Trace", "trace_equivariance"]
