"""Bytes that a broken or hostile peer may send."""

import random


def mutated(chance: random.Random, data: bytes) -> bytes:
    """The bytes with one to four changes: bytes changed, removed, repeated, or the rest cut off."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(4):
            case 0:
                changed[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del changed[at : at + chance.randint(1, 30)]
            case 2:
                changed[at:at] = changed[at : at + chance.randint(1, 200)] * chance.randint(1, 4)
            case _:
                del changed[at:]
    return bytes(changed)
