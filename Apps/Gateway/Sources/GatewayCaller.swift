import MartletCore

/// Who sends a request, and the name under which the gateway shares its connections and counts the refusals of services.
struct GatewayCaller: Sendable {
    let principal: Principal
    /// Begins with the kind of caller, so that no subject is the name of an address.
    let name: ExactText

    /// A caller with a token.
    init(_ principal: Principal) {
        self.principal = principal
        name = ExactText("identity \(principal.subject)")
    }

    /// A caller without a token.
    ///
    /// - Parameter address: An IPv6 address is one caller with all of its /64, which one subscriber has. `nil`, an address
    ///   that is not known, is one caller.
    init(address: IPAddress?) {
        principal = .anonymous
        let bytes = address?.subscriber.bytes.map { String($0) }.joined(separator: ".")
        name = ExactText("address \(bytes ?? "unknown")")
    }
}
