import SwiftProtobuf
import SwiftProtobufPluginLibrary

/// Messages and fields as JSON Schema, as the server reads them in requests or writes them in responses.
struct OpenAPISchema {
    /// Where a value stands; the same message has other rules in each.
    enum Place: Hashable {
        /// A body. Rules hold, unknown fields are refused, and `null` means that a field is absent.
        case request
        /// A path or a query: rules hold, and there is no `null`.
        case parameter
        /// Every field is written, except absent ones with presence. Later versions may add fields. Rules are checked in
        /// requests only.
        case response
    }

    /// A character of a string: the server refuses U+0000.
    private static let character = "[^\\u0000]"
    private static let visibleCharacter = "[!-~]"
    /// Base64 in the standard or the URL-safe alphabet, with or without padding.
    private static let base64 =
        "^(?:[A-Za-z0-9+/_-]{4})*(?:[A-Za-z0-9+/_-]{2}(?:==)?|[A-Za-z0-9+/_-]{3}=?)?$"

    let place: Place

    /// The schema's name, as in `links.ShortenRequest`; a message that is not only a method's request has another name
    /// in requests, as in `links.Target.Input`.
    func name(of message: Descriptor) -> String {
        let package = message.file.package
        let local = package.isEmpty ? message.fullName : String(message.fullName.dropFirst(package.count + 1))
        return "\(Package.shortName(of: package)).\(local)"
            + (place == .response || message.isOnlyInput ? "" : ".Input")
    }

    func reference(to message: Descriptor) -> JSON { .reference("#/components/schemas/\(name(of: message))") }

    func of(_ message: Descriptor) throws -> JSON {
        try object(message.fields, description: message.commentLines)
    }

    /// An object with these fields.
    func object(_ fields: [FieldDescriptor], description: [String]) throws -> JSON {
        let required = fields.filter(isRequired).map { JSON.text($0.name) }
        return .members(
            ("type", "object"),
            ("description", description.isEmpty ? nil : .text(description.joined(separator: "\n"))),
            ("properties", fields.isEmpty ? nil : .object(try fields.map { ($0.name, try of($0)) })),
            ("required", required.isEmpty ? nil : .list(required)),
            ("additionalProperties", place == .response ? nil : false)
        )
    }

    /// In a request, whether a value must be given; in a response, whether one is always written.
    func isRequired(_ field: FieldDescriptor) -> Bool {
        if place == .response { return field.isRepeated || !field.hasPresence && field.type != .enum }
        let rule = field.options.rule
        if rule.required || rule.minItems > 0 { return true }
        // Without presence, absence is 0.
        return !field.hasPresence && !field.isRepeated && (rule.hasMin && rule.min > 0 || rule.hasMax && rule.max < 0)
    }

    /// The schema of a field, with its rule and its comment.
    func of(_ field: FieldDescriptor) throws -> JSON {
        let comment: JSON? =
            field.commentLines.isEmpty ? nil : .text(field.commentLines.joined(separator: "\n"))
        let isNullable = place == .request && !isRequired(field)
        guard field.isRepeated else {
            let one = try single(field, isNullable: isNullable)
            guard case .object(let members) = one, let comment else { return one }
            return .object(members + [("description", comment)])
        }
        let rule = field.options.rule
        let isChecked = place != .response
        let least = rule.hasMinItems ? Int64(rule.minItems) : rule.required ? 1 : nil
        return .members(
            ("type", isNullable ? ["array", "null"] : "array"),
            ("items", try single(field, isNullable: false)),
            ("minItems", isChecked ? least.map { .number($0) } : nil),
            ("maxItems", isChecked && rule.hasMaxItems ? .number(Int64(rule.maxItems)) : nil),
            ("description", comment)
        )
    }

    private func single(_ field: FieldDescriptor, isNullable: Bool) throws -> JSON {
        switch try FieldKind(field) {
        case .enumeration(let names):
            return .members(
                ("type", Self.type("string", isNullable)),
                ("enum", .list(names.map { .text($0) } + (isNullable ? [.null] : [])))
            )
        case .message(let message):
            guard isNullable else { return reference(to: message) }
            return .members(("anyOf", .list([reference(to: message), .members(("type", "null"))])))
        case .plain("string"):
            let isToken = field.name == "page_token" && field.containingType?.isPagedRequest == true
            return text(field, isNullable: isNullable, format: isToken ? "page-token" : nil)
        case .plain("bytes"):
            return .members(
                ("type", Self.type("string", isNullable)),
                ("contentEncoding", "base64"),
                ("pattern", place == .response ? nil : .text(Self.base64))
            )
        case .plain("timestamp"):
            return .members(("type", Self.type("string", isNullable)), ("format", "date-time"))
        case .plain("bool"):
            let isTrue = place != .response && field.options.rule.required && !field.isRepeated
            return .members(("type", Self.type("boolean", isNullable)), ("const", isTrue ? true : nil))
        case .plain("double"):
            // Infinity and NaN are written as null.
            let type = Self.type("number", isNullable || place == .response && !field.isRepeated)
            return .object([("type", type), ("format", "double")] + bounds(of: field, least: nil, greatest: nil))
        case .plain(let kind): return integer(kind, field, isNullable: isNullable)
        }
    }

    private func text(_ field: FieldDescriptor, isNullable: Bool, format: JSON?) -> JSON {
        let type = Self.type("string", isNullable)
        guard place != .response else { return .members(("type", type), ("format", format)) }
        let rule = field.options.rule
        let least = rule.hasMinLength ? Int(rule.minLength) : 0
        let isRequired = isRequired(field) || place == .parameter && field.isInPath
        // An absent text is the empty one: it is not checked unless it is required.
        let isOptional = !isRequired && !field.isRepeated && least > 0
        let character = rule.visibleAscii ? Self.visibleCharacter : Self.character
        let pattern = isOptional ? "^(?:\(character){\(least),})?$" : "^\(character)*$"
        let shortest = isRequired ? max(1, least) : isOptional ? 0 : least
        return .members(
            ("type", type),
            ("format", format),
            ("minLength", shortest == 0 ? nil : .number(Int64(shortest))),
            ("maxLength", rule.hasMaxLength ? .number(Int64(rule.maxLength)) : nil),
            ("pattern", .text(pattern))
        )
    }

    /// A number; in a body, 64-bit ones also as a string of digits.
    private func integer(_ kind: String, _ field: FieldDescriptor, isNullable: Bool) -> JSON {
        let rule = field.options.rule
        let isUnsigned = kind.hasPrefix("u")
        // The formats of OpenAPI are signed.
        let format: JSON? = kind == "uint64" ? nil : kind == "uint32" ? "int64" : .text(kind)
        let members = bounds(
            of: field,
            least: isUnsigned ? 0 : nil,
            greatest: kind == "uint32" ? Int64(UInt32.max) : nil
        )
        let pattern = place == .request && kind.hasSuffix("64") ? Self.digits(of: rule, isUnsigned: isUnsigned) : nil
        guard let pattern else {
            return .members(("type", Self.type("integer", isNullable)), ("format", format)).adding(members)
        }
        let forms = [
            JSON.members(("type", Self.type("integer", isNullable)), ("format", format)).adding(members),
            JSON.members(("type", "string"), ("pattern", .text(pattern))),
        ]
        return .members(("anyOf", .list(forms)))
    }

    /// The pattern of the strings of digits that are within the rule, whatever their digits; `nil` when there is none.
    private static func digits(of rule: Rule, isUnsigned: Bool) -> String? {
        // 18 digits fit into 64 bits.
        func count(below limit: Int64) -> Int { min(18, String(limit).count - 1) }
        let positive = rule.hasMax ? count(below: max(1, rule.max)) : 18
        let negative = isUnsigned ? 0 : rule.hasMin ? count(below: max(1, -max(rule.min, -.max))) : 18
        let hasZero = !rule.required && (!rule.hasMin || rule.min <= 0) && (!rule.hasMax || rule.max >= 0)
        guard positive > 0, !rule.hasMin || rule.min <= 1 else { return nil }
        let more = "[1-9][0-9]{0,\(positive - 1)}"
        let less = negative > 0 ? "|-[1-9][0-9]{0,\(negative - 1)}" : ""
        return "^(?:\(hasZero ? "0|" : "")\(more)\(less))$"
    }

    /// The limits of a number, which are the contract's or else its type's.
    private func bounds(of field: FieldDescriptor, least: Int64?, greatest: Int64?) -> [(String, JSON)] {
        let rule = field.options.rule
        let isChecked = place != .response
        let minimum = isChecked && rule.hasMin ? rule.min : least
        let maximum = isChecked && rule.hasMax ? rule.max : greatest
        let limits = [("minimum", minimum), ("maximum", maximum)].compactMap { name, bound in
            bound.map { (name, JSON.number($0)) }
        }
        // A required number is not 0.
        return limits + (isChecked && rule.required && !field.isRepeated ? [("not", .members(("const", 0)))] : [])
    }

    private static func type(_ name: String, _ isNullable: Bool) -> JSON {
        isNullable ? [.text(name), "null"] : .text(name)
    }
}

extension Descriptor {
    /// Whether it is a method's request and in no method's response, by its own file: it has only one schema.
    fileprivate var isOnlyInput: Bool {
        let methods = file.services.flatMap(\.methods)
        guard methods.contains(where: { $0.inputType === self }) else { return false }
        var seen: Set<String> = []
        return !methods.contains { $0.outputType?.reaches(self, &seen) ?? false }
    }

    private func reaches(_ other: Descriptor, _ seen: inout Set<String>) -> Bool {
        guard seen.insert(fullName).inserted else { return false }
        return self === other || fields.contains { $0.messageType?.reaches(other, &seen) ?? false }
    }
}

extension FieldDescriptor {
    /// Whether the path of a method may fill it.
    fileprivate var isInPath: Bool {
        containingType?.file.services.flatMap(\.methods).contains { method in
            method.inputType === containingType
                && ((try? Method(method).rules) ?? []).contains { rule in rule.variables.contains { $0 === self } }
        } ?? false
    }
}
