"""The product: its manifest, its container, its ledger. Imports no Dagster."""
