import SwiftProtobuf
import SwiftProtobufPluginLibrary

/// What every message of a file knows of its own fields: its shape and its rules.
struct ShapesSource {
    let file: FileDescriptor
    let names: SwiftNames

    /// `nil` for a file without messages.
    var text: String? {
        get throws {
            let messages = file.messages.flatMap(\.withNested)
            guard !messages.isEmpty else { return nil }
            var source = SourceText()
            source.imports(["public import MartletContract", "public import MartletCore"] + otherModules(messages))
            for (index, message) in messages.enumerated() {
                if index > 0 { source.line() }
                try source.block("extension \(names.type(message)): ContractMessage") { source in
                    try writeShape(message, &source)
                    source.line()
                    try writeCheck(message, &source)
                }
            }
            return source.text
        }
    }

    private func otherModules(_ messages: [Descriptor]) -> [String] {
        let used = messages.flatMap(\.fields).filter { $0.type == .message && !$0.isTimestamp }.compactMap(\.messageType)
        let timestamps = messages.flatMap(\.fields).contains { $0.isTimestamp && $0.checks }
        return names.modules(of: used).map { "import \($0)" } + (timestamps ? ["import SwiftProtobuf"] : [])
    }

    private func writeShape(_ message: Descriptor, _ source: inout SourceText) throws {
        let fields = message.fields.sorted { $0.number < $1.number }
        guard !fields.isEmpty else {
            source.line("public static let shape = MessageShape(\(message.fullName.literal), [])")
            return
        }
        source.line("public static let shape = MessageShape(")
        try source.indented { source in
            source.line("\(message.fullName.literal),")
            source.line("[")
            try source.indented { source in
                for field in fields { source.line("\(try shape(of: field)),") }
            }
            source.line("])")
        }
    }

    private func shape(of field: FieldDescriptor) throws -> String {
        var text = "FieldShape(\(field.name.literal), \(try kind(of: field))"
        if field.isRepeated { text += ", repeated: true" }
        if let oneof = field.realContainingOneof { text += ", oneof: \(oneof.name.literal)" }
        if let rule = field.ruleSource { text += ", rule: \(rule)" }
        return text + ")"
    }

    private func kind(of field: FieldDescriptor) throws -> String {
        switch try FieldKind(field) {
        case .plain(let word): ".\(word)"
        case .enumeration(let values): ".enum([\(values.map(\.literal).joined(separator: ", "))])"
        case .message(let type): ".message { \(names.type(type)).shape }"
        }
    }

    private func writeCheck(_ message: Descriptor, _ source: inout SourceText) throws {
        let checked = message.fields.filter(\.checks).sorted { $0.number < $1.number }
        guard !checked.isEmpty else {
            source.line("public func check(_ violations: inout [FieldViolation], at path: String) {}")
            return
        }
        try source.block("public func check(_ violations: inout [FieldViolation], at path: String)") { source in
            source.line("var check = RuleCheck(at: path)")
            for field in checked {
                let rule = field.ruleSource.map { ", \($0)" } ?? ""
                source.line("check.\(try function(for: field))(\(field.name.literal), \(value(of: field))\(rule))")
            }
            source.line("violations += check.violations")
        }
    }

    private func function(for field: FieldDescriptor) throws -> String {
        let kind =
            switch try FieldKind(field) {
            case .plain("string"): "text"
            case .plain("bytes"): "octets"
            case .plain("double"): "fraction"
            case .plain("bool"): "flag"
            case .plain("timestamp"): "timestamp"
            case .plain: "number"
            case .enumeration: "choice"
            case .message: "message"
            }
        return field.isRepeated ? kind + (kind == "octets" ? "List" : "s") : kind
    }

    /// The property, or an optional when the field knows whether it is there.
    private func value(of field: FieldDescriptor) -> String {
        let (name, has) = names.property(field)
        if let oneof = field.realContainingOneof {
            let (property, element) = names.oneof(oneof, field)
            return "{ if case \(element)(let value)? = \(property) { value } else { nil } }()"
        }
        return field.hasPresence ? "\(has) ? \(name) : nil" : name
    }
}

extension Descriptor {
    /// Itself and the messages inside it.
    var withNested: [Descriptor] { [self] + messages.flatMap(\.withNested) }
}
