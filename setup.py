"""Which packages a wheel holds; pyproject.toml cannot find packages in a renamed folder."""

from setuptools import find_packages, setup

COMMAND = ["kemfeat_cli", *(f"kemfeat_cli.{name}" for name in find_packages("cli"))]

setup(
    packages=[*find_packages(include=["kemfeat", "kemfeat.*"]), *COMMAND],
    package_dir={"kemfeat_cli": "cli"},
)
