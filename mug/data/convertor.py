"""Former place of `mug.encoding.convertor`."""

from mug.encoding.convertor import ManiaConvertor as ManiaConvertor
