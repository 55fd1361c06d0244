import SwiftProtobuf
import SwiftProtobufPluginLibrary

/// Finds everything in one file that generated code cannot express, before any code is generated.
struct FileCheck {
    /// Types that generated code uses: a message of such a name would hide them.
    private static let usedTypes: Set<String> = [
        "BodyJSON", "Call", "CallContext", "CallPlatform", "ContractEnum", "ContractMessage", "EventTopic", "EventType",
        "FieldRule",
        "FieldShape",
        "FieldViolation", "HTTPRule", "JSONWriter", "MessageShape", "MethodDescriptor", "PagedRequest",
        "ResponseStream", "RPCChannel",
        "RuleCheck", "ServedContract", "ServedTopic", "Topic",
    ]

    let file: FileDescriptor
    /// The names of all files of the run: only their messages and enums have generated code.
    let generated: Set<String>

    var refusals: [Refusal] {
        guard file.edition == .proto3 else { return [Refusal("the syntax is not \"proto3\"", in: file)] }
        var found: [Refusal] = []
        for message in file.messages.flatMap(\.withNested) where !message.options.mapEntry {
            collect(&found) { try check(message) }
            for field in message.fields { collect(&found) { try check(field) } }
        }
        for value in file.enums { collect(&found) { try checkName(value.name, of: value.fullName) } }
        var routes: Set<String> = []
        for service in file.services {
            collect(&found) { try checkNames(of: service) }
            for method in service.methods { collect(&found) { try check(method, &routes) } }
        }
        return found
    }

    private func collect(_ found: inout [Refusal], _ check: () throws -> Void) {
        do {
            try Refusal.naming(file, check)
        } catch let refusal as Refusal {
            found.append(refusal)
        } catch {
            found.append(Refusal(String(describing: error), in: file))
        }
    }

    private func check(_ message: Descriptor) throws {
        let isNested = message.containingType != nil
        if message.isPagedRequest, let size = message.fields.first(where: { $0.name == "page_size" }),
            !size.options.rule.hasMax
        {
            throw Refusal("\(size.fullName): a page needs a largest size; add the rule {max: 500}, for example")
        }
        if !isNested { try checkName(message.name, of: message.fullName) }
        guard message.options.hasEvent else { return }
        guard !isNested else { throw Refusal("\(message.fullName): an event cannot be a nested message") }
        _ = try TopicsSource.read(message)
        _ = try TopicOptions(message)
    }

    private func checkName(_ name: String, of fullName: String) throws {
        // Without the option, Swift names begin with the package's name.
        guard file.options.hasSwiftPrefix, file.options.swiftPrefix.isEmpty, Self.usedTypes.contains(name) else {
            return
        }
        throw Refusal("\(fullName): generated code uses a type \(name) of Martlet; choose another name")
    }

    private func check(_ field: FieldDescriptor) throws {
        let kind = try FieldKind(field)
        if case .message(let message) = kind { try checkOrigin(message.file, of: message.fullName, in: field.fullName) }
        if field.type == .enum {
            try checkOrigin(field.enumType.file, of: field.enumType.fullName, in: field.fullName)
        }
        try checkRule(of: field, kind)
    }

    private func checkOrigin(_ origin: FileDescriptor, of type: String, in element: String) throws {
        guard !generated.contains(origin.name) else { return }
        throw Refusal("\(element): \(type) is not declared in the protos of this package")
    }

    private func checkRule(of field: FieldDescriptor, _ kind: FieldKind) throws {
        let rule = field.options.rule
        if rule.hasMin || rule.hasMax, !kind.isNumber {
            throw Refusal("\(field.fullName): min and max are for numbers")
        }
        if rule.hasMinLength || rule.hasMaxLength, !kind.isText {
            throw Refusal("\(field.fullName): min_length and max_length are for strings and bytes")
        }
        if rule.visibleAscii, !kind.isString {
            throw Refusal("\(field.fullName): visible_ascii is for strings")
        }
        if rule.hasMinItems || rule.hasMaxItems, !field.isRepeated {
            throw Refusal("\(field.fullName): min_items and max_items are for repeated fields")
        }
        let isEmpty =
            (rule.hasMin && rule.hasMax && rule.min > rule.max)
            || (rule.hasMinLength && rule.hasMaxLength && rule.minLength > rule.maxLength)
            || (rule.hasMinItems && rule.hasMaxItems && rule.minItems > rule.maxItems)
        if isEmpty { throw Refusal("\(field.fullName): a minimum is greater than its maximum") }
        if rule.required, field.realContainingOneof != nil {
            throw Refusal("\(field.fullName): a member of a oneof cannot be required")
        }
    }

    private func checkNames(of service: ServiceDescriptor) throws {
        // `all` is the list of the methods.
        var names: Set<String> = ["all"]
        for method in service.methods where !names.insert(method.name.lowerFirst).inserted {
            throw Refusal(
                "\(method.fullName): the name \(method.name.lowerFirst) is already used in Swift; choose another"
            )
        }
    }

    private func check(
        _ method: SwiftProtobufPluginLibrary.MethodDescriptor,
        _ routes: inout Set<String>
    ) throws {
        guard method.options.hasCall else {
            throw Refusal("\(method.fullName): the option (martlet.options.v1.call) is missing")
        }
        let input: Descriptor = method.inputType
        let output: Descriptor = method.outputType
        try checkOrigin(input.file, of: input.fullName, in: method.fullName)
        try checkOrigin(output.file, of: output.fullName, in: method.fullName)
        for rule in try Method(method).rules where !routes.insert("\(rule.verb) \(rule.pattern)").inserted {
            throw Refusal("\(method.fullName): another method is bound to \(rule.verb) \(rule.path)")
        }
    }
}
