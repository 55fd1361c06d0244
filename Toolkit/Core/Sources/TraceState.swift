/// The state that tracing systems add to a trace: the W3C header `tracestate`.
///
/// We add nothing to it and pass it on.
public struct TraceState: Sendable, Hashable {
    /// Members of one list.
    static let membersLimit = 32
    /// Characters of a key, and of a value.
    static let partLimit = 256
    /// Characters of what is passed on; a longer list is dropped, which the standard allows from 512 on.
    static let charactersLimit = 512

    /// Members separated by commas, as in `vendor=value,other=1`; empty without one.
    public let text: String

    private init(text: String) { self.text = text }

    /// Without a member.
    public static let none = TraceState(text: "")

    /// Reads a `tracestate` header; ``none`` when one member is not well formed: a list is passed on as a whole or not at
    /// all.
    ///
    /// - Parameter header: Several headers are joined by commas, in their order. Spaces around members, and empty members,
    ///   do not count.
    public init(_ header: String) {
        var text = header
        guard let members = text.withUTF8({ Self.members($0[...]) }), members.count <= Self.membersLimit else {
            self = .none
            return
        }
        let joined = members.joined(separator: ",")
        self.init(text: joined.utf8.count <= Self.charactersLimit ? joined : "")
    }

    /// The members that are not empty; `nil` when one is not well formed.
    private static func members(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> [String]? {
        var members: [String] = []
        for part in bytes.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: true) {
            let member = trimmed(part)
            guard !member.isEmpty else { continue }
            guard let sign = member.firstIndex(of: UInt8(ascii: "=")), isKey(member[..<sign]),
                isValue(member[(sign + 1)...])
            else { return nil }
            members.append(String(decoding: member, as: UTF8.self))
        }
        return members
    }

    /// `vendor` with a letter first, or `tenant@vendor`.
    private static func isKey(_ key: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        func isLetter(_ byte: UInt8) -> Bool { UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte }
        func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }
        func isInner(_ byte: UInt8) -> Bool {
            isLetter(byte) || isDigit(byte)
                || [UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "*"), UInt8(ascii: "/")].contains(byte)
        }
        guard let at = key.firstIndex(of: UInt8(ascii: "@")) else {
            return key.count <= partLimit && key.first.map(isLetter) == true && key.allSatisfy(isInner)
        }
        let (tenant, vendor) = (key[..<at], key[(at + 1)...])
        return tenant.count <= 241 && tenant.first.map { isLetter($0) || isDigit($0) } == true
            && vendor.count <= 14 && vendor.first.map(isLetter) == true
            && tenant.allSatisfy(isInner) && vendor.allSatisfy(isInner)
    }

    /// Visible characters and spaces, but no comma and no equals sign, and no space at the end.
    private static func isValue(_ value: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        1...partLimit ~= value.count && value.last != UInt8(ascii: " ")
            && value.allSatisfy { 0x20...0x7E ~= $0 && $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "=") }
    }

    /// Without spaces and tabs at both ends.
    static func trimmed(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Slice<UnsafeBufferPointer<UInt8>> {
        func isSpace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        guard let first = bytes.firstIndex(where: { !isSpace($0) }), let last = bytes.lastIndex(where: { !isSpace($0) })
        else { return bytes[bytes.startIndex..<bytes.startIndex] }
        return bytes[first...last]
    }
}
