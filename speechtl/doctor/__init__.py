"""Everything that is wrong with a corpus, found at once, before an hour is lost."""

from speechtl.doctor.examination import Examination, examine

__all__ = ["Examination", "examine"]
