"""Where Falco-shaped alerts go, as `--falco-output` names it. Pure."""

from urllib.parse import urlsplit


def targets(text: str) -> list[str]:
    """Return the targets of a setting, each once, in their order.

    Raises:
        ValueError: One is a URL that cannot be posted to; the message says what was expected.

    Examples:
        >>> targets("-, /var/log/falco.jsonl,http://sidekick:2801/")
        ['-', '/var/log/falco.jsonl', 'http://sidekick:2801/']
    """
    found = list(dict.fromkeys(each for part in text.split(",") if (each := part.strip())))
    for each in found:
        if "://" in each:
            _check(each)
    return found


def is_url(target: str) -> bool:
    """Tell whether a target is posted to, and not written."""
    return target.lower().startswith(("http://", "https://"))


def shown(url: str) -> str:
    """Return a URL as logs and metrics show it: its query may hold a secret.

    Examples:
        >>> shown("https://sidekick:2801/in?key=secret")
        'https://sidekick:2801/in'
    """
    return url.partition("?")[0]


def _check(url: str) -> None:
    expected = "a path, -, or an http or https URL with a host and without a user or fragment"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(expected) from error
    printable = url.isascii() and url.isprintable() and " " not in url
    if not is_url(url) or not parts.hostname or port == 0 or "@" in parts.netloc or parts.fragment:
        raise ValueError(expected)
    if not printable:
        raise ValueError(expected)
