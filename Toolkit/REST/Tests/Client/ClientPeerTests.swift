import Testing

@testable import MartletREST

@Suite("Peer of a client")
struct ClientPeerTests {
    @Test(
        "its authority has brackets around an IPv6 address, and no zone",
        arguments: [
            ("links.example", "links.example:80"), ("127.0.0.1", "127.0.0.1:80"), ("::1", "[::1]:80"),
            ("fe80::1%eth0", "[fe80::1]:80"),
        ]
    )
    func authority(_ host: String, _ authority: String) {
        let peer = ClientPeer(host: host, port: 80)
        #expect(peer.authority == authority)
        #expect(HostField.isValid(Array(peer.authority.utf8)[...]))
    }
}
