"""Lists with marks between their elements: JSON, and YAML in brackets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mug.beatmap.exact.changes import Arrangement
from mug.beatmap.exact.view import Splice, View, splices_of
from mug.beatmap.hit_objects import HitObject

Span = tuple[int, int]
TextOf = Callable[[HitObject, int | None], bytes]
Element = int | bytes | tuple[int, bytes]


def arranged(
    plan: Arrangement, elements: int, places: Sequence[int], text_of: TextOf
) -> list[Element]:
    """Return the elements of a list in their new order.

    Args:
        plan: of the notes.
        elements: number of elements, notes or not.
        places: the element of each note.
        text_of: bytes of a note, with the index of the note that it was.

    Returns:
        Numbers of elements that stay, with other bytes where they change; bytes of new ones.
    """
    notes = {element: index for index, element in enumerate(places)}
    end = max(places, default=-1) + 1  # elements that are no notes may follow
    found: list[Element] = []
    for element in range(elements + 1):
        index = notes.get(element)
        coming = [] if index is None else plan.inserted.get(index, [])
        if element == end:
            coming = [*coming, *plan.inserted.get(len(places), [])]
        found += [text_of(note, origin) for note, origin in coming]
        if element == elements or (index is not None and index in plan.removed):
            continue
        changed = None if index is None else plan.replaced.get(index)
        found.append(element if changed is None else (element, text_of(changed, index)))
    return found


def list_splices(
    view: View, inside: Span, elements: Sequence[Span], order: Sequence[Element]
) -> list[Splice]:
    """Return what changes in a list whose elements are others, with the marks between them.

    Args:
        view: the file.
        inside: span between the brackets.
        elements: spans of the elements.
        order: see `arranged`.
    """
    if not order:
        return splices_of([], *inside)
    between = view.encoded(",")
    if len(elements) > 1:
        between = view.raw(elements[0][1], elements[1][0])
    first, last = (elements[0][0], elements[-1][1]) if elements else (inside[0], inside[0])
    pieces: list[Span | bytes] = [(inside[0], first)]
    before: int | None = None
    for count, element in enumerate(order):
        number = None if isinstance(element, bytes) else element
        at = number[0] if isinstance(number, tuple) else number
        if count:
            if at is not None and before is not None and at == before + 1:
                pieces.append((elements[before][1], elements[at][0]))
            else:
                pieces.append(between)
        if isinstance(element, int):
            pieces.append(elements[element])
        else:
            pieces.append(element if isinstance(element, bytes) else element[1])
        before = at
    return splices_of([*pieces, (last, inside[1])], *inside)
