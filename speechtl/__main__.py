"""`python -m speechtl` is the command `speechtl`."""

import sys

from speechtl.cli import main

sys.exit(main())
