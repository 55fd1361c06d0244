import SwiftProtobuf
import SwiftProtobufPluginLibrary

/// One service of a contract, read and checked.
struct Service {
    let descriptor: ServiceDescriptor
    let package: String
    let methods: [Method]

    init(_ descriptor: ServiceDescriptor, package: String) throws {
        self.descriptor = descriptor
        self.package = package
        methods = try descriptor.methods.map { try Method($0) }
    }

    /// The name without its suffix: `Links` for `LinksService`.
    var base: String {
        descriptor.name.hasSuffix("Service") && descriptor.name != "Service"
            ? String(descriptor.name.dropLast("Service".count)) : descriptor.name
    }
    /// The name of the factory function in Swift, as in `links`.
    var name: String { base.lowerFirst.escaped }
    var fileName: String { base.lowercased() }
    var hasREST: Bool { methods.contains { !$0.rules.isEmpty } }
    var comment: [String] { descriptor.commentLines }
}

/// One method of a service, read and checked.
struct Method {
    let descriptor: SwiftProtobufPluginLibrary.MethodDescriptor
    let rules: [HTTPRule]
    let access: Access

    init(_ descriptor: SwiftProtobufPluginLibrary.MethodDescriptor) throws {
        self.descriptor = descriptor
        guard !descriptor.clientStreaming else {
            throw Refusal("\(descriptor.fullName): client streaming is not supported")
        }
        let all = descriptor.options.hasGoogle_Api_http ? [descriptor.options.Google_Api_http] : []
        rules = try all.flatMap { [$0] + $0.additionalBindings }.map { try HTTPRule($0, of: descriptor) }
        access = try Access(descriptor.options.call, of: descriptor)
        if case .noUser = access.users, !rules.isEmpty {
            throw Refusal("\(descriptor.fullName): it has an HTTP binding, which is for users, and users is NOBODY")
        }
    }

    /// The function's name in Swift, as in `reserve`.
    var name: String { descriptor.name.lowerFirst.escaped }
    var call: Call { descriptor.options.call }
    var input: Descriptor { descriptor.inputType }
    var output: Descriptor { descriptor.outputType }
    var streams: Bool { descriptor.serverStreaming }
    var comment: [String] { descriptor.commentLines }
    /// True for a write that is not idempotent.
    var requiresKey: Bool { call.writes && !call.idempotent }
}

/// One `google.api.http` binding, checked against its request.
struct HTTPRule {
    let verb: String
    let path: String
    /// The path without its variables' names, as in `/v1/links/{}`: equal for paths that match the same requests.
    let pattern: String
    let body: String
    /// The fields that the path fills, in the order of the path.
    let variables: [FieldDescriptor]

    init(_ rule: Google_Api_HttpRule, of method: SwiftProtobufPluginLibrary.MethodDescriptor) throws {
        switch rule.pattern {
        case .get(let path): (verb, self.path) = ("GET", path)
        case .put(let path): (verb, self.path) = ("PUT", path)
        case .post(let path): (verb, self.path) = ("POST", path)
        case .delete(let path): (verb, self.path) = ("DELETE", path)
        case .patch(let path): (verb, self.path) = ("PATCH", path)
        case .custom, nil: throw Refusal("\(method.fullName): http needs get, put, post, delete or patch")
        }
        guard let pattern = HTTPRule.pattern(of: path) else {
            throw Refusal(
                "\(method.fullName): the path is not of the form /v1/things/{id} or /v1/things/{id}:verb: \(path)"
            )
        }
        self.pattern = pattern
        body = rule.body
        guard rule.responseBody.isEmpty else { throw Refusal("\(method.fullName): response_body is not supported") }
        guard let input = method.inputType else { throw Refusal("\(method.fullName): no request type") }
        variables = try HTTPRule.variableNames(path).map { name in
            guard let field = input.fields.first(where: { $0.name == name }), !field.isRepeated,
                field.type != .message
            else { throw Refusal("\(method.fullName): the path's {\(name)} is not a singular scalar of \(input.name)") }
            return field
        }
        if !body.isEmpty, body != "*" {
            guard input.fields.contains(where: { $0.name == body && $0.type == .message && !$0.isRepeated }) else {
                throw Refusal("\(method.fullName): the body '\(body)' is not a singular message field of \(input.name)")
            }
        }
        if ["GET", "DELETE"].contains(verb), !body.isEmpty {
            throw Refusal("\(method.fullName): \(verb) must not have a body")
        }
    }

    /// Returns `nil` unless the path consists of texts and `{variables}`, with an optional verb at the end.
    private static func pattern(of path: String) -> String? {
        var pattern = ""
        var isVariable = false
        for character in path {
            if character == "{" || character == "}" {
                guard isVariable == (character == "}") else { return nil }
                isVariable.toggle()
                pattern.append(character)
            } else if !isVariable {
                pattern.append(character)
            }
        }
        guard !isVariable, pattern.first == "/", !path.contains("**") else { return nil }
        let segments = pattern.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        for (index, segment) in segments.enumerated() {
            let colon = index == segments.count - 1 ? segment.lastIndex(of: ":") : nil
            let text = segment[..<(colon ?? segment.endIndex)]
            let isText = !text.isEmpty && !text.contains { "{}*".contains($0) }
            guard isText || text == "{}" else { return nil }
        }
        return pattern
    }

    /// The path in OpenAPI's form: `{name=links/*}` becomes `{name}`.
    var openAPIPath: String {
        var text = ""
        var skipping = false
        for character in path {
            if character == "=" { skipping = true }
            if character == "}" { skipping = false }
            if !skipping { text.append(character) }
        }
        return text
    }

    /// The fields that the query may fill: those that neither the path nor the body fills.
    func queryFields(of input: Descriptor) -> [FieldDescriptor] {
        guard body != "*" else { return [] }
        let bound = Set(variables.map(\.name) + [body])
        return input.fields.filter { !bound.contains($0.name) }
    }

    private static func variableNames(_ path: String) -> [String] {
        path.split(separator: "{").dropFirst().map { String($0.prefix { $0 != "}" && $0 != "=" }) }
    }
}

extension ProvidesSourceCodeLocation {
    /// The leading comment, line by line, without comment markers.
    var commentLines: [String] {
        guard let comment = sourceCodeInfoLocation?.leadingComments, !comment.isEmpty else { return [] }
        var lines = comment.split(separator: "\n", omittingEmptySubsequences: false)
            .map { String($0.drop { $0 == " " }) }
        while lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }
}
