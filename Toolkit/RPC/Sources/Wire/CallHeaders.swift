import NIOHPACK

/// The headers of one call.
public struct CallHeaders: Sendable {
    let block: HPACKHeaders

    init(_ block: HPACKHeaders) { self.block = block }

    /// The first header of this lower-case name, `nil` when there is none.
    public subscript(name: String) -> String? {
        for (candidate, value, _) in block where candidate == name { return value }
        return nil
    }

    /// The token of `authorization: Bearer …`; `nil` when there is none, and for more than one such header.
    ///
    /// Two programs that read different ones of two tokens would see different callers.
    public var bearerToken: String? {
        var found: String?
        for (name, value, _) in block where name == HeaderName.authorization {
            guard found == nil else { return nil }
            found = value
        }
        guard let value = found?.utf8, value.count > 7, Self.isBearer(value.prefix(7)) else { return nil }
        return String(value.dropFirst(7))
    }

    /// Whether the text is `bearer ` in any case.
    private static func isBearer(_ text: Substring.UTF8View) -> Bool {
        zip(text, "bearer ".utf8).allSatisfy { byte, letter in
            byte == letter || letter != UInt8(ascii: " ") && byte | 0x20 == letter
        }
    }
}
