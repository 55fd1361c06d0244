/// The names that a scope may have.
///
/// Words that mean a kind of caller are reserved: a scope of that name gives no power of a service. They are
/// refused where a token is made, where it is read, and in a contract.
public enum ScopeName {
    /// In capitals: the case of a name does not matter.
    static let reserved = [
        "SERVICE", "SERVICES", "USER", "USERS", "GUEST", "GUESTS", "ITSELF", "ANONYMOUS", "ANYBODY", "NOBODY",
        "ANY_SERVICE", "NONE",
    ]

    /// True for a word that means a kind of caller, in capitals or not.
    private static func isReserved(_ name: String) -> Bool { reserved.contains(name.uppercased()) }

    /// True for visible ASCII without `"` and `\` (RFC 6749 section 3.3) and without `|`, unless it is reserved.
    public static func isValid(_ name: String) -> Bool {
        !name.isEmpty && !isReserved(name)
            && name.utf8.allSatisfy { byte in
                0x21...0x7E ~= byte && ![UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "|")].contains(byte)
            }
    }
}
