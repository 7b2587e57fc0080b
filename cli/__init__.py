"""The command line; installed as ``kemfeat_cli``."""
