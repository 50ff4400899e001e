"""Reports: tables, figures and one self-contained HTML page, made from a saved result."""

from perovec_bayes.report.html import write_report

__all__ = ["write_report"]
