import SwiftProtobuf
import SwiftProtobufPluginLibrary

/// The shapes, rule checks and JSON writers of the messages of a file.
struct ShapesSource {
    let file: FileDescriptor
    let names: SwiftNames

    /// `nil` for a file without messages.
    var text: String? {
        get throws {
            let messages = file.messages.flatMap(\.withNested)
            let enums = file.enums + messages.flatMap(\.enums)
            guard !messages.isEmpty || !enums.isEmpty else { return nil }
            var source = SourceText()
            let core = messages.isEmpty ? [] : ["\(names.access) import MartletCore"]
            source.imports(["\(names.access) import MartletContract"] + core + otherModules(messages))
            for (index, message) in messages.enumerated() {
                if index > 0 { source.line() }
                try source.block("extension \(names.type(message)): ContractMessage") { source in
                    try writeShape(message, &source)
                    source.line()
                    try writeCheck(message, &source)
                    source.line()
                    try writeJSON(message, &source)
                }
                if message.isPagedRequest {
                    source.line()
                    source.line("extension \(names.type(message)): PagedRequest {}")
                }
            }
            for value in enums {
                source.line()
                source.block("extension \(names.namer.fullName(enum: value)): ContractEnum") { write(value, &$0) }
            }
            return source.text
        }
    }

    private func otherModules(_ messages: [Descriptor]) -> [String] {
        let used = messages.flatMap(\.fields).filter { $0.type == .message && !$0.isTimestamp }.compactMap(
            \.messageType
        )
        let timestamps = messages.flatMap(\.fields).contains(where: \.isTimestamp)
        return names.modules(of: used).map { "import \($0)" } + (timestamps ? ["import SwiftProtobuf"] : [])
    }

    private func writeShape(_ message: Descriptor, _ source: inout SourceText) throws {
        let fields = message.fields.sorted { $0.number < $1.number }
        guard !fields.isEmpty else {
            source.line(
                "\(names.access) static let shape: MessageShape = MessageShape(\(message.fullName.literal), [])"
            )
            return
        }
        source.line("\(names.access) static let shape: MessageShape = MessageShape(")
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
        case .plain(let kind): ".\(kind)"
        case .enumeration(let values): ".enum([\(values.map(\.literal).joined(separator: ", "))])"
        case .message(let type): ".message { \(names.type(type)).shape }"
        }
    }

    private func writeCheck(_ message: Descriptor, _ source: inout SourceText) throws {
        let checked = message.fields.filter(\.checks).sorted { $0.number < $1.number }
        guard !checked.isEmpty else {
            source.line("\(names.access) func check(_ violations: inout [FieldViolation], at path: String) {}")
            return
        }
        try source.block("\(names.access) func check(_ violations: inout [FieldViolation], at path: String)") {
            source in
            source.line("var check = RuleCheck(at: path)")
            for field in checked {
                let rule = field.ruleSource.map { ", rule: \($0)" } ?? ""
                try writeCall("check", of: field, more: rule, to: &source)
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

    private func writeJSON(_ message: Descriptor, _ source: inout SourceText) throws {
        guard !message.fields.isEmpty else {
            source.line("\(names.access) func write(to json: inout JSONWriter) {}")
            return
        }
        try source.block("\(names.access) func write(to json: inout JSONWriter)") { source in
            for field in message.fields.sorted(by: { $0.number < $1.number }) {
                try writeCall("json", of: field, more: "", to: &source)
            }
        }
    }

    /// `target.function("name", value)`; the value is optional when the field has presence.
    private func writeCall(
        _ target: String,
        of field: FieldDescriptor,
        more: String,
        to source: inout SourceText
    ) throws {
        let (name, has) = names.property(field)
        let call = "\(target).\(try function(for: field))(\(field.name.literal), "
        if let oneof = field.realContainingOneof {
            guard !field.options.rule.required else {
                throw Refusal("\(field.fullName): a member of a oneof cannot be required")
            }
            let (property, element) = names.oneof(oneof, field)
            source.line("if case \(element)(let value)? = self.\(property) { \(call)value\(more)) }")
        } else {
            // With `self`, since a field may have the name of a parameter.
            source.line("\(call)\(field.hasPresence ? "self.\(has) ? self.\(name) : nil" : "self.\(name)")\(more))")
        }
    }

    private func write(_ value: EnumDescriptor, _ source: inout SourceText) {
        source.block("\(names.access) var contractName: String") { source in
            source.block("switch self") { source in
                var seen: Set<Int32> = []
                for element in value.values where seen.insert(element.number).inserted {
                    let name = names.namer.dottedRelativeName(enumValue: element)
                    source.line("case \(name): \(element.name.literal)")
                }
                source.line("case .UNRECOGNIZED(let number): String(number)")
            }
        }
    }
}

extension Descriptor {
    /// The message and its nested messages.
    var withNested: [Descriptor] { [self] + messages.flatMap(\.withNested) }
}

extension Descriptor {
    /// Whether it asks for one page of a list.
    var isPagedRequest: Bool {
        let types = Dictionary(fields.filter { !$0.isRepeated && !$0.hasPresence }.map { ($0.name, $0.type) }) {
            first,
            _ in first
        }
        return types["page_size"] == .uint32 && types["page_token"] == .string
    }
}
