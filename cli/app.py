"""The ``kemfeat`` command."""


def main() -> None:
    """Run the command line."""
