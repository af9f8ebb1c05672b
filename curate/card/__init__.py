"""The data card: facts from ledger and Parquet, and their rendering."""
