"""The server through which products are reached from outside: who calls, what they may, receipts."""
