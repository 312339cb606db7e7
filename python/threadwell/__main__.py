"""``python -m threadwell`` is the command ``threadwell``."""

import sys

from threadwell.cli import main

sys.exit(main())
