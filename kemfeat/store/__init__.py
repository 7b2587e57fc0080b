"""The store on disk; see ``docs/store-format.md``. No other room knows its names."""
