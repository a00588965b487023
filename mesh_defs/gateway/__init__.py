"""The server through which products are reached: who calls, what they may, receipts."""
