/// The variables by which Kubernetes and Docker name services to a container: links.
///
/// A service `martlet-cache` gives the containers of its namespace `MARTLET_CACHE_SERVICE_HOST`, `MARTLET_CACHE_PORT` and
/// others, which look like ours and are no settings.
enum ServiceLink {
    private static let protocols: [Substring] = ["TCP", "UDP", "SCTP"]
    private static let parts: [Substring] = ["PROTO", "PORT", "ADDR"]

    /// Whether a value is the address of a service, as in `tcp://10.0.0.11:6379`: no setting has such a value.
    ///
    /// So it is also one when its variable has the name of a setting: the service `martlet-http` gives `MARTLET_HTTP_PORT`.
    static func isAddress(_ value: String, of name: String) -> Bool {
        guard name.hasSuffix("_PORT") || name.contains("_PORT_") else { return false }
        return protocols.contains { value.hasPrefix("\($0.lowercased())://") }
    }

    /// Whether a variable that is no setting has the name of a link.
    ///
    /// - Parameter name: Begins with the prefix of our variables.
    static func hasForm(_ name: String) -> Bool {
        let words = name.dropFirst(Config.prefix.count).split(separator: "_", omittingEmptySubsequences: false)
        if words.suffix(2).elementsEqual(["SERVICE", "HOST"]) { return true }
        return words.indices.contains { index in
            let rest = words[index...]
            // SERVICE_PORT, and one with the name of each port.
            if rest.starts(with: ["SERVICE", "PORT"]) { return true }
            // PORT_6379_TCP, and its parts.
            guard rest.first == "PORT", 3...4 ~= rest.count, isNumber(rest[index + 1]) else { return false }
            return protocols.contains(rest[index + 2]) && (rest.count == 3 || parts.contains(rest[index + 3]))
        }
    }

    private static func isNumber(_ word: Substring) -> Bool {
        !word.isEmpty && word.utf8.allSatisfy { 48...57 ~= $0 }
    }
}
