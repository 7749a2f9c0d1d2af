"""Text of rule files beside text of events: kernels give bytes, so both are compared as bytes.

An event's text holds one character, U+0000 to U+00FF, for each byte. What a rule file says is brought
into the same form before it is read, and out of it before people see it.
"""


def to_event_text(text: str) -> str:
    r"""Return a text as events hold it: one character for each byte of its UTF-8.

    Examples:
        >>> to_event_text("plain"), to_event_text("é")
        ('plain', 'Ã©')
    """
    return text if text.isascii() else text.encode("utf-8", "surrogatepass").decode("latin-1")


def from_event_text(text: str) -> str:
    r"""Return what bytes of an event stand for as UTF-8; a byte that is none of it stays a character.

    Examples:
        >>> from_event_text("Ã©"), from_event_text("\xff")
        ('é', 'ÿ')
    """
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text
