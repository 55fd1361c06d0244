import MartletCore

/// The name of what a transaction notifies others of: ``SQLTransaction/notify(_:)``.
public struct SQLChannel: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Most characters of a name, which is an identifier on a database server.
    public static let nameLimit = 63

    private let name: ExactText

    /// - Parameter name: 1 to ``nameLimit`` of the characters a to z, 0 to 9 and `_`, beginning with a letter.
    public init(_ name: StaticString) {
        let bytes = Array("\(name)".utf8)
        precondition(1...Self.nameLimit ~= bytes.count, "a channel's name has 1 to \(Self.nameLimit) characters")
        precondition(
            97...122 ~= bytes[0] && bytes.allSatisfy { 97...122 ~= $0 || 48...57 ~= $0 || $0 == 95 },
            "a channel's name consists of a to z, 0 to 9 and _"
        )
        self.name = ExactText("\(name)")
    }

    public var description: String { name.text }

    public static func < (left: SQLChannel, right: SQLChannel) -> Bool { left.name < right.name }
}
