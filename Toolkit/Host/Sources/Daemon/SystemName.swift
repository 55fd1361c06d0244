package import MartletConfig

/// The name of one running system, so that its programs do not talk to those of another on the same machine.
///
/// A supervisor gives each of its daemons the same name. A gateway sends it with each request, and a service answers only
/// requests for its own system: a port that another system has taken over is noticed before anything happens.
public struct SystemName: Sendable, CustomStringConvertible {
    /// The name of the setting.
    static let setting = "system"
    static let bytesLimit = 64

    /// As it is sent in the header `x-martlet-system`.
    public let description: String

    /// - Parameter text: 1 to 64 letters, digits, `.`, `_` or `-`; `nil` for anything else.
    public init?(_ text: String) {
        guard 1...Self.bytesLimit ~= text.utf8.count, text.utf8.allSatisfy(Self.isAllowed) else { return nil }
        description = text
    }

    /// Reads the setting `system`; `nil` when it is not given.
    package init?(_ reader: inout ConfigReader) {
        let name = reader.optional(
            Self.setting,
            help: "The system to which it belongs; requests for another are refused.",
            expected: "must be 1 to \(Self.bytesLimit) letters, digits, '.', '_' or '-'",
            parse: { SystemName($0) }
        )
        guard let name else { return nil }
        self = name
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
    }
}
