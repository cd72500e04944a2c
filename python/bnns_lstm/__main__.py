"""`python -m bnns_lstm` is the command `bnns-lstm`."""

import sys

from bnns_lstm.cli import main

sys.exit(main())
