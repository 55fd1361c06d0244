package import HTTPTypes
package import MartletCore

/// Where the address of a client is read: from its connection, or behind trusted proxies from the header that they write.
///
/// Only a header of a trusted peer counts, and of it only what trusted proxies have added: the last address that is not
/// one of theirs. What stands before it was written by the client.
package struct ClientAddressRule: Sendable {
    /// The header that the proxies write; the other one is ignored, since they pass it on as the client sent it.
    package enum Header: String, Sendable, CaseIterable {
        case xForwardedFor = "x-forwarded-for"
        /// RFC 7239.
        case forwarded
    }

    private static let xForwardedFor = RESTHeaders.name("x-forwarded-for")
    private static let forwarded = RESTHeaders.name("forwarded")

    private let proxies: [IPNetwork]
    private let header: Header

    /// - Parameters:
    ///   - proxies: The addresses of the proxies; without any, the address is always the peer's.
    ///   - header: The header that they write.
    package init(proxies: [IPNetwork], header: Header) {
        self.proxies = proxies
        self.header = header
    }

    /// The address of the client; `nil` only when that of the peer is not known.
    ///
    /// The peer's when the header is missing or not well-formed, or names the client otherwise than by its address. When
    /// all addresses are trusted it is the first one.
    ///
    /// - Parameters:
    ///   - headers: Those of the request.
    ///   - peer: The other end of the connection.
    package func address(of headers: HTTPFields, peer: IPAddress?) -> IPAddress? {
        guard let peer, isTrusted(peer) else { return peer }
        var client = peer
        for stated in addresses(of: headers).reversed() {
            guard let stated else { return peer }
            client = stated
            if !isTrusted(stated) { return client }
        }
        return client
    }

    private func isTrusted(_ address: IPAddress) -> Bool { proxies.contains { $0.contains(address) } }

    /// One address for each proxy that has passed the request on, the client's first; `nil` for one that cannot be read.
    private func addresses(of headers: HTTPFields) -> [IPAddress?] {
        switch header {
        case .xForwardedFor:
            let lists = headers[values: Self.xForwardedFor]
            return lists.flatMap { $0.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) }
                .map { ForwardedNode.address(Self.trimmed(Array($0))) }
        case .forwarded:
            let lists = headers[values: Self.forwarded].map { ForwardedHeader.nodes(Array($0.utf8)) }
            return lists.flatMap { nodes -> [IPAddress?] in nodes?.map { ForwardedNode.address($0) } ?? [nil] }
        }
    }

    private static func trimmed(_ text: [UInt8]) -> [UInt8] {
        func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        var text = text[...].drop(while: isBlank)
        while let last = text.last, isBlank(last) { text.removeLast() }
        return Array(text)
    }
}
