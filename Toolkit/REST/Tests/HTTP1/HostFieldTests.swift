import Testing

@testable import MartletREST

@Suite("Host")
struct HostFieldTests {
    @Test(
        "is a name or an address, and optionally a port",
        arguments: [
            "h", "links", "links.example", "links.example.", "LINKS-1.example:8080", "a_b", "127.0.0.1", "127.0.0.1:80",
            "[::1]",
            "[::1]:8080", "[2001:db8::1]", "[::ffff:1.2.3.4]", "h:", "h:0", "h:65535", "xn--bcher-kva.example",
            String(repeating: "a", count: 255),
        ]
    )
    func valid(_ text: String) { #expect(HostField.isValid(Array(text.utf8)[...])) }

    @Test(
        "is nothing else",
        arguments: [
            "", " ", ".", "..", ".h", "a..b", "h:65536", "h:080808", "h:-1", "h:+1", "h:a", "h:80:80", "h: 80", ":80",
            ":",
            "a b", "a\tb", "a,b", "a, b", "a;b", "a/b", "/", "a\\b", "a?b", "a#b", "u@h", "u:p@h", "http://h", "h/",
            "<h>",
            "\"h\"", "'h'", "{h}", "(h)", "h%00", "h%20", "%68", "h\0", "h\u{7F}", "h\u{1}", "h\u{e9}",
            "b\u{fc}cher.example",
            "\u{212A}im", "*", "*.h", "h*", "h!", "h$", "h&", "h=", "h|", "h^", "h`", "h~", "[]", "[", "]", "[::1",
            "::1",
            "[::1]x", "[::1]:x", "[1.2.3.4]", "[::1%25eth0]", "[::1%lo]", "[g::1]", "[:::1]", "[::1]]", "[[::1]]",
            "h[::1]", "[::1]:65536", "[v1.a]", String(repeating: "a", count: 256),
        ]
    )
    func invalid(_ text: String) { #expect(!HostField.isValid(Array(text.utf8)[...])) }
}
