import HTTPTypes
import MartletCore
import Testing

@testable import MartletREST

@Suite("Address of a client")
struct ClientAddressRuleTests {
    /// The lines of the header, and the address that follows from them; the proxies are 10.0.0.0/8 and 2001:db8:f::/48, the peer 10.0.0.1.
    typealias Case = ([String], String)

    private static func rule(_ header: ClientAddressRule.Header) throws -> ClientAddressRule {
        ClientAddressRule(proxies: try #require(IPNetwork.list("10.0.0.0/8,2001:db8:f::/48")), header: header)
    }

    private static func headers(_ name: HTTPField.Name, _ lines: [String]) -> HTTPFields {
        var headers = HTTPFields()
        for line in lines { headers.append(HTTPField(name: name, value: line)) }
        return headers
    }

    @Test(
        "X-Forwarded-For: the last address that is no trusted proxy's",
        arguments: [
            ([], "10.0.0.1"), (["203.0.113.7"], "203.0.113.7"), (["203.0.113.7, 10.9.9.9"], "203.0.113.7"),
            // What the client wrote itself stands before it.
            (["198.51.100.1, 203.0.113.7"], "203.0.113.7"), (["10.0.0.9, 203.0.113.7, 10.1.1.1"], "203.0.113.7"),
            (["nonsense, 203.0.113.7"], "203.0.113.7"), (["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
            (["203.0.113.7:4711"], "203.0.113.7"), (["[2001:db8::1]:4711"], "2001:db8::1"),
            (["2001:db8::1"], "2001:db8::1"), (["[2001:db8::1]"], "2001:db8::1"),
            (["::ffff:203.0.113.7"], "203.0.113.7"), (["203.0.113.7, 2001:db8:f:1::2"], "203.0.113.7"),
            (["\t203.0.113.7 ,\t10.1.1.1 "], "203.0.113.7"), (["203.0.113.7, ::ffff:10.1.1.1"], "203.0.113.7"),
            // All are trusted: the first one asked.
            (["10.2.2.2, 10.1.1.1"], "10.2.2.2"),
            // Not well-formed: the peer's.
            ([""], "10.0.0.1"), (["unknown"], "10.0.0.1"), (["203.0.113.7,"], "10.0.0.1"),
            (["203.0.113.7, _hidden"], "10.0.0.1"), (["203.0.113.7, nonsense, 10.1.1.1"], "10.0.0.1"),
            (["203.0.113"], "10.0.0.1"), (["203.0.113.7:"], "10.0.0.1"), (["203.0.113.7:port"], "10.0.0.1"),
            (["203.0.113.7:123456"], "10.0.0.1"), (["[203.0.113.7]"], "10.0.0.1"), (["[2001:db8::1"], "10.0.0.1"),
            (["[2001:db8::1]x"], "10.0.0.1"), (["\"203.0.113.7\""], "10.0.0.1"), (["203.0.113.7 10.1.1.1"], "10.0.0.1"),
        ] as [Case]
    )
    func xForwardedFor(_ lines: [String], _ address: String) throws {
        let headers = Self.headers(try #require(HTTPField.Name("X-Forwarded-For")), lines)
        let found = try Self.rule(.xForwardedFor).address(of: headers, peer: IPAddress("10.0.0.1"))
        #expect(found == IPAddress(address))
    }

    @Test(
        "Forwarded: as RFC 7239 writes it",
        arguments: [
            ([], "10.0.0.1"), (["for=203.0.113.7"], "203.0.113.7"), (["For=203.0.113.7;proto=https"], "203.0.113.7"),
            (["for=\"203.0.113.7:4711\""], "203.0.113.7"), (["for=\"[2001:db8::1]:4711\""], "2001:db8::1"),
            (["for=\"[2001:db8::1]\""], "2001:db8::1"), (["for=\"203.0.113\\.7\""], "203.0.113.7"),
            (["by=_a;for=203.0.113.7;host=\"a,b;c\", for=10.1.1.1"], "203.0.113.7"),
            (["for=198.51.100.1", "for=203.0.113.7"], "203.0.113.7"),
            (["for=198.51.100.1,for=203.0.113.7 ,\tfor=10.1.1.1"], "203.0.113.7"),
            (["for=unknown, for=203.0.113.7"], "203.0.113.7"),
            // Not well-formed, or without an address: the peer's.
            ([""], "10.0.0.1"), (["for="], "10.0.0.1"), (["203.0.113.7"], "10.0.0.1"), (["for=unknown"], "10.0.0.1"),
            (["for=\"_a:b\""], "10.0.0.1"), (["proto=https"], "10.0.0.1"), (["for=203.0.113.7;"], "10.0.0.1"),
            (["for=203.0.113.7;for=198.51.100.1"], "10.0.0.1"), (["for=203.0.113.7:4711"], "10.0.0.1"),
            (["for=[2001:db8::1]"], "10.0.0.1"), (["for=203.0.113.7,"], "10.0.0.1"),
            // A quotation mark of the client's does not hide what a proxy has added.
            (["for=\"198.51.100.1, for=203.0.113.7"], "10.0.0.1"),
            (["for=198.51.100.1;a=\", for=\"[2001:db8::1]\""], "10.0.0.1"), (["for=\"a\\"], "10.0.0.1"),
        ] as [Case]
    )
    func forwarded(_ lines: [String], _ address: String) throws {
        let headers = Self.headers(try #require(HTTPField.Name("Forwarded")), lines)
        let found = try Self.rule(.forwarded).address(of: headers, peer: IPAddress("10.0.0.1"))
        #expect(found == IPAddress(address))
    }

    @Test("the header counts only from a trusted peer, and only the one that the proxies write")
    func untrusted() throws {
        let name = try #require(HTTPField.Name("X-Forwarded-For"))
        let headers = Self.headers(name, ["203.0.113.7"])
        for peer in ["192.0.2.1", "2001:db8:e::1", "127.0.0.1"] {
            let found = try Self.rule(.xForwardedFor).address(of: headers, peer: IPAddress(peer))
            #expect(found == IPAddress(peer))
        }
        let other = try Self.rule(.forwarded).address(of: headers, peer: IPAddress("10.0.0.1"))
        #expect(other == IPAddress("10.0.0.1"))
        #expect(try Self.rule(.xForwardedFor).address(of: headers, peer: nil) == nil)
        let none = ClientAddressRule(proxies: [], header: .xForwardedFor)
        #expect(none.address(of: headers, peer: IPAddress("10.0.0.1")) == IPAddress("10.0.0.1"))
    }
}
