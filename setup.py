"""Packages of the distribution: those of `mug`, and the shipped configs as `mug.configs`."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["mug", "mug.*"]), "mug.configs"],
    package_dir={"mug.configs": "configs"},
)
