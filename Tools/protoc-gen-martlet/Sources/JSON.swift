/// A JSON value with ordered members.
indirect enum JSON: Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral
{
    case text(String)
    case number(Int64)
    case flag(Bool)
    case null
    case list([JSON])
    case object([(String, JSON)])

    init(stringLiteral value: String) { self = .text(value) }
    init(integerLiteral value: Int64) { self = .number(value) }
    init(booleanLiteral value: Bool) { self = .flag(value) }
    init(arrayLiteral elements: JSON...) { self = .list(elements) }

    /// Without the members that are `nil`.
    static func members(_ members: (String, JSON?)...) -> JSON {
        .object(members.compactMap { name, value in value.map { (name, $0) } })
    }

    /// With more members at the end of an object; any other value stays.
    func adding(_ more: [(String, JSON)]) -> JSON {
        guard case .object(let members) = self else { return self }
        return .object(members + more)
    }

    static func reference(_ path: String) -> JSON { .object([("$ref", .text(path))]) }

    /// The text without a final newline.
    ///
    /// - Parameter levels: Objects down to this depth have one member per line; everything inside them is on one line.
    func formatted(levels: Int) -> String {
        var text = ""
        write(to: &text, levels: levels, depth: 0)
        return text
    }

    private func write(to text: inout String, levels: Int, depth: Int) {
        switch self {
        case .text(let value): text += JSON.quoted(value)
        case .number(let value): text += String(value)
        case .flag(let value): text += value ? "true" : "false"
        case .null: text += "null"
        case .list(let items):
            text += "["
            for (index, item) in items.enumerated() {
                if index > 0 { text += ", " }
                item.write(to: &text, levels: 0, depth: depth)
            }
            text += "]"
        case .object(let members):
            let isBroken = levels > depth && !members.isEmpty
            let newline = isBroken ? "\n" + String(repeating: "  ", count: depth) : ""
            text += "{"
            for (index, member) in members.enumerated() {
                if index > 0 { text += isBroken ? "," : ", " }
                if isBroken { text += newline + "  " }
                text += JSON.quoted(member.0) + ": "
                member.1.write(to: &text, levels: levels, depth: depth + 1)
            }
            text += newline + "}"
        }
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case _ where scalar.value < 32: quoted += " "
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
