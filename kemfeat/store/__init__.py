"""The store on disk; see ``docs/store-format.md``. No other package knows the names of its files."""
