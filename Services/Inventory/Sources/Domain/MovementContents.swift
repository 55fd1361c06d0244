import MartletCore

/// What a delivery or a correction contains, as it is stored: a repeat under the same id must have the same contents.
struct MovementContents: Sendable {
    /// How the text is written; rows keep the form in which they were stored.
    enum Form {
        /// Names as they are, as in rows from before: a SKU with `=` and `,` reads like two lines.
        static let plain = 1
        /// Names with `%`, `=`, `,` and blanks as `%XX`: two contents never have one text.
        static let escaped = 2
    }

    let kind: MovementKind
    let warehouse: ExactText
    /// By SKU.
    let lines: [(sku: SKU, units: Int)]

    /// - Parameter form: One of ``Form``.
    func text(_ form: Int) -> String {
        func name(_ text: ExactText) -> String { form == Form.plain ? text.text : Self.escaped(text.text) }
        let lines = lines.map { "\(name($0.sku.code))=\($0.units)" }.joined(separator: ",")
        return "\(kind) \(name(warehouse)) \(lines)"
    }

    private static func escaped(_ name: String) -> String {
        var bytes: [UInt8] = []
        for byte in name.utf8 {
            if "%=, ".utf8.contains(byte) {
                bytes += "%\(byte.hexadecimal)".utf8
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
