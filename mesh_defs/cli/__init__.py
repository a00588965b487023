"""The command ``mesh``: one file per command, and nothing in them but reading words and printing.

Exit codes: 0 fine, 1 the answer is no (a check failed), 2 wrong use, 3 something broke, 130 stopped
by Ctrl-C.
"""
