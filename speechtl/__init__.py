"""speechtl: take an acoustic model from where speech is plentiful to where it is scarce."""

__version__ = "0.1.0"
