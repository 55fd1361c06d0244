import SwiftProtobuf
import SwiftProtobufPluginLibrary

/// Messages and fields as JSON Schema.
enum OpenAPISchema {
    /// The schema's name, as in `links.ShortenRequest`.
    static func name(of message: Descriptor) -> String {
        let package = message.file.package
        let local = package.isEmpty ? message.fullName : String(message.fullName.dropFirst(package.count + 1))
        return "\(Package.shortName(of: package)).\(local)"
    }

    static func reference(to message: Descriptor) -> JSON { .reference("#/components/schemas/\(name(of: message))") }

    static func of(_ message: Descriptor) throws -> JSON {
        try object(message.fields, description: message.commentLines)
    }

    /// An object with these fields.
    static func object(_ fields: [FieldDescriptor], description: [String]) throws -> JSON {
        let required = fields.filter(isRequired).map { JSON.text($0.name) }
        return .members(
            ("type", "object"),
            ("description", description.isEmpty ? nil : .text(description.joined(separator: "\n"))),
            ("properties", fields.isEmpty ? nil : .object(try fields.map { ($0.name, try of($0)) })),
            ("required", required.isEmpty ? nil : .list(required))
        )
    }

    static func isRequired(_ field: FieldDescriptor) -> Bool {
        let rule = field.options.rule
        return rule.required || rule.minItems > 0 || (!field.hasPresence && !field.isRepeated && rule.min > 0)
    }

    /// The schema of a field, with its rule and its comment.
    static func of(_ field: FieldDescriptor) throws -> JSON {
        let rule = field.options.rule
        let one = try single(field)
        let comment: JSON? =
            field.commentLines.isEmpty ? nil : .text(field.commentLines.joined(separator: "\n"))
        guard field.isRepeated else {
            guard case .object(let members) = one, let comment else { return one }
            return .object(members + [("description", comment)])
        }
        let least = rule.hasMinItems ? Int64(rule.minItems) : rule.required ? 1 : nil
        return .members(
            ("type", "array"),
            ("items", one),
            ("minItems", least.map { .number($0) }),
            ("maxItems", rule.hasMaxItems ? .number(Int64(rule.maxItems)) : nil),
            ("description", comment)
        )
    }

    private static func single(_ field: FieldDescriptor) throws -> JSON {
        switch try FieldKind(field) {
        case .enumeration(let names): .members(("type", "string"), ("enum", .list(names.map { .text($0) })))
        case .message(let message): reference(to: message)
        case .plain(let kind):
            plain(kind, field.options.rule, required: field.options.rule.required && !field.isRepeated)
        }
    }

    private static func plain(_ kind: String, _ rule: Rule, required: Bool) -> JSON {
        let least: JSON? = rule.hasMin ? .number(rule.min) : nil
        let greatest: JSON? = rule.hasMax ? .number(rule.max) : nil
        let shortest: JSON? = rule.hasMinLength ? .number(Int64(rule.minLength)) : required ? 1 : nil
        let longest: JSON? = rule.hasMaxLength ? .number(Int64(rule.maxLength)) : nil
        switch kind {
        case "bool": return .members(("type", "boolean"))
        case "int32", "int64":
            return .members(("type", "integer"), ("format", .text(kind)), ("minimum", least), ("maximum", greatest))
        case "uint32":
            return .members(
                ("type", "integer"),
                ("format", "int64"),
                ("minimum", least ?? 0),
                ("maximum", greatest ?? .number(Int64(UInt32.max)))
            )
        case "uint64":
            return .members(("type", "integer"), ("minimum", least ?? 0), ("maximum", greatest))
        case "double":
            return .members(("type", "number"), ("format", "double"), ("minimum", least), ("maximum", greatest))
        case "timestamp": return .members(("type", "string"), ("format", "date-time"))
        case "bytes": return .members(("type", "string"), ("contentEncoding", "base64"))
        default: return .members(("type", "string"), ("minLength", shortest), ("maxLength", longest))
        }
    }
}
