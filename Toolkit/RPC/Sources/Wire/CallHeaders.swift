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
        guard block.count(where: { $0.name == HeaderName.authorization }) == 1,
            let value = self[HeaderName.authorization], value.utf8.count > 7,
            value.prefix(7).lowercased() == "bearer "
        else { return nil }
        return String(value.dropFirst(7))
    }
}
