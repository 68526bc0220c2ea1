"""Former place of `mug.reference.gridify` and `mug.reference.minijacks`."""

from mug.reference import minijacks
from mug.reference.gridify import gridify as gridify

remove_intractable_mania_mini_jacks = minijacks.remove_minijacks
