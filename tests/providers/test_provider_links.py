from __future__ import annotations

import pytest

from strongroom.providers.addresses import BadLink, Origin, follow_link, parse_link


@pytest.mark.parametrize(
    ("text", "origin", "target"),
    [
        ("https://api.zavu.dev", Origin("https", "api.zavu.dev", 443), "/"),
        ("HTTPS://API.Zavu.dev:443/v1", Origin("https", "api.zavu.dev", 443), "/v1"),
        ("http://127.0.0.1:8080/a?b=c#d", Origin("http", "127.0.0.1", 8080), "/a?b=c"),
        ("https://[2001:DB8::1]:8443/x", Origin("https", "2001:db8::1", 8443), "/x"),
        ("https://host?token=1", Origin("https", "host", 443), "/?token=1"),
        ("https://h/a%2Fb/../c;d?x='%27[]|", Origin("https", "h", 443), "/a%2Fb/../c;d?x='%27[]|"),
    ],
)
def test_an_address_is_read_and_its_target_kept_byte_for_byte(text: str, origin: Origin, target: str) -> None:
    link = parse_link(text)
    assert (link.origin, link.target) == (origin, target)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "api.zavu.dev",
        "//host/x",
        "ftp://host/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://",
        "https:///x",
        "https://user@host/",
        "https://user:password@host/",
        "https://good.example\\@evil.example/",
        "https://good.example\n.evil.example/",
        " https://host/",
        "https://host /",
        "https://host/a b",
        "https://host:0/",
        "https://host:65536/",
        "https://host:/",
        "https://host./",
        "https://-host/",
        "https://hόst/",
        "https://host/ü",
        "https://host/" + "a" * 20_000,
        "https://[::1%25eth0]/",
        "https://[:::]/",
        "https://[1.2.3.4]/",
        "https://256.1.1.1/",
        "https://010.0.0.1/",
        "https://a..b/",
        "https://" + "a" * 64 + ".example/",
        "https://" + "a." * 130 + "example/",
    ],
)
def test_anything_two_readers_could_read_differently_is_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(BadLink) as caught:
        parse_link(text)
    assert not text or text not in str(caught.value)


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/other?x=1", "https://host:444/other?x=1"),
        ("b", "https://host:444/a/b"),
        ("?token=2", "https://host:444/a/file?token=2"),
        ("//elsewhere.example/c", "https://elsewhere.example/c"),
        ("http://127.0.0.1:1/d?", "http://127.0.0.1:1/d?"),
        ("https://e.example/with space/ü", "https://e.example/with%20space/%C3%BC"),
    ],
)
def test_redirects_lead_where_they_say(location: str, expected: str) -> None:
    link = follow_link(parse_link("https://host:444/a/file?token=1"), location)
    assert f"{link.origin}{link.target}" == expected


@pytest.mark.parametrize("location", ["data:text/html,x", "https://a@b/", "//a@b/", "https://[::1/"])
def test_redirects_elsewhere_than_http_are_refused(location: str) -> None:
    with pytest.raises(BadLink):
        follow_link(parse_link("https://host/"), location)


def test_neither_text_nor_repr_shows_the_target() -> None:
    link = parse_link("https://host:8443/path?token=secret")
    assert "path" not in f"{link} {link!r}"
    assert str(link) == "https://host:8443"
