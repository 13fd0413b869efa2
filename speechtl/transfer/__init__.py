"""Transfer methods: one file, one class each; the base class is fine-tuning."""

from speechtl.transfer.base import Transfer

__all__ = ["Transfer"]
