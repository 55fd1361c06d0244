/// The crash point, and the hit of it, at which a process is killed.
package struct CrashSetting: Sendable, Hashable {
    /// An invalid setting; the description names it.
    package struct Bad: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    let name: String
    /// From 1.
    let hit: Int

    /// Reads `name:n`; `n` is 1 when it is missing.
    ///
    /// - Parameters:
    ///   - text: The value of the setting.
    ///   - known: The names of all crash points in the code.
    /// - Throws: ``Bad`` for a malformed text, a hit below 1, and an unknown name.
    package init(_ text: String, known: [String]) throws(Bad) {
        self = try CrashSetting(text)
        guard known.contains(name) else {
            throw Bad(description: "'\(name)' is not a crash point; `martlet crash-points` lists them")
        }
    }

    /// Reads `name:n` with any name.
    init(_ text: String) throws(Bad) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2, let name = parts.first, !name.isEmpty else {
            throw Bad(description: "'\(text)' must be NAME:N, with a name that `martlet crash-points` lists")
        }
        let digits = parts.count == 2 ? parts[1] : "1"
        guard !digits.isEmpty, digits.utf8.allSatisfy({ 48...57 ~= $0 }), let hit = Int(digits), hit >= 1 else {
            throw Bad(description: "'\(text)': the number of the hit must be a whole number from 1")
        }
        self.name = name
        self.hit = hit
    }
}
