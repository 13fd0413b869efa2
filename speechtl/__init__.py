"""speechtl: take an acoustic model from where speech is plentiful to where it is scarce."""

import sys

from speechtl.lazy import API, Package

__version__ = "0.1.0"
__all__ = sorted(API)

sys.modules[__name__].__class__ = Package
