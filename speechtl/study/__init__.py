"""Studies: grids of experiments over recipes, amounts of speech, seeds and targets."""

from speechtl.study.settings import Amount, Study, Variant, load_study

__all__ = ["Amount", "Study", "Variant", "load_study"]
