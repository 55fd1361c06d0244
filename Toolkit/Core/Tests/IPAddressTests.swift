import Testing

@testable import MartletCore

@Suite("IP address")
struct IPAddressTests {
    @Test(
        "one address in several forms",
        arguments: [
            ("192.0.2.1", "::ffff:192.0.2.1"), ("192.0.2.1", "::FFFF:c000:201"), ("0.0.0.0", "::ffff:0:0"),
            ("192.0.2.1", "0:0:0:0:0:ffff:192.0.2.1"), ("2001:db8::1", "2001:0DB8:0:0:0:0:0:1"),
            ("::", "0:0:0:0:0:0:0:0"), ("1::", "1:0:0:0:0:0:0:0"), ("::1.2.3.4", "::102:304"),
            ("64:ff9b::1.2.3.4", "64:ff9b::102:304"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
        ]
    )
    func forms(_ one: String, _ other: String) {
        #expect(IPAddress(one) != nil)
        #expect(IPAddress(one) == IPAddress(other))
    }

    @Test("IPv4 and IPv6 differ also where their bits are equal")
    func versions() {
        #expect(IPAddress("0.0.0.1") != IPAddress("::1"))
        #expect(IPAddress("1.2.3.4") != IPAddress("::1.2.3.4"))
        #expect(IPAddress("1.2.3.4")?.bytes == [1, 2, 3, 4])
        #expect(IPAddress("2001:db8::1")?.bytes == [0x20, 1, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
    }

    @Test(
        "refuses everything else",
        arguments: [
            "", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.0x4", "+1.2.3.4", "1.2.3.4 ", " 1.2.3.4",
            "1.2.3.4:80", "1..3.4", ":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "1:::2", "12345::",
            "g::", "[::1]", "::1%eth0", "::1.2.3", "1.2.3.4::", "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:6:7:8::", ":1::",
            "1::2:", "::ffff:1.2.3.4:5", "1:2:3:4:5:6:7:", "1.2.3.\u{FF14}", "localhost", "-1::",
            "0000:0000:0000:0000:0000:0000:0000:0000:0000:00001",
        ]
    )
    func refused(_ text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test(
        "a subscriber has one IPv4 address, or the 64 bits of an IPv6 one",
        arguments: [
            ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true), ("2001:db8:1:2::", "2001:db8:1:3::", false),
        ]
    )
    func subscribers(_ one: String, _ other: String, isOne: Bool) {
        #expect((IPAddress(one)?.subscriber == IPAddress(other)?.subscriber) == isOne)
    }
}

@Suite("IP network")
struct IPNetworkTests {
    @Test(
        "contains the addresses that share its bits",
        arguments: [
            ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false), ("10.0.0.0/8", "a00::", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true), ("::ffff:10.0.0.0/104", "10.1.2.3", true),
            ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false), ("192.0.2.0/31", "192.0.2.1", true),
            ("0.0.0.0/0", "203.0.113.9", true), ("0.0.0.0/0", "::1", false), ("::/0", "2001:db8::1", true),
            ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/32", "2001:db9::1", false),
            ("2001:db8::1", "2001:db8::2", false), ("2001:db8::8/125", "2001:db8::f", true),
            ("2001:db8::8/125", "2001:db8::10", false), ("fe80::/10", "febf::1", true), ("fe80::/10", "fec0::1", false),
        ]
    )
    func contains(_ text: String, _ address: String, isInside: Bool) throws {
        let network = try #require(IPNetwork(text))
        #expect(network.contains(try #require(IPAddress(address))) == isInside)
    }

    @Test(
        "refuses what is no block, and an address that is not the first of its block",
        arguments: [
            "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8", "10.1.0.0/8",
            "10.0.0/8",
            "2001:db8::/129", "2001:db8::1/64", "::ffff:10.0.0.0/8", "10.0.0.0/0008", "proxy",
        ]
    )
    func refused(_ text: String) {
        #expect(IPNetwork(text) == nil)
    }

    @Test("a list has commas between its parts")
    func list() {
        #expect(IPNetwork.list("10.0.0.0/8, ::1 ,192.0.2.1")?.count == 3)
        for text in ["", ",", "10.0.0.0/8,", "10.0.0.0/8;::1", "10.0.0.0/8 ::1"] {
            #expect(IPNetwork.list(text) == nil, "\(text)")
        }
    }
}
