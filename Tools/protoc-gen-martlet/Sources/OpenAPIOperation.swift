import SwiftProtobuf
import SwiftProtobufPluginLibrary

/// One binding of a method as an OpenAPI operation.
struct OpenAPIOperation {
    let service: Service
    let method: Method
    let rule: HTTPRule
    /// 0 for the rule itself, then its additional bindings.
    let number: Int

    static let sharedParameters: [(String, JSON)] = [
        (
            "RequestTimeout",
            header(
                "x-request-timeout",
                "The caller's timeout in milliseconds; when it expires, the response is 504. More than the server's limit, "
                    + "60000 by default, counts as the limit.",
                required: false,
                schema: .members(("type", "integer"), ("minimum", 1))
            )
        ),
        (
            "IdempotencyKey",
            header(
                "Idempotency-Key",
                "A repeat with the same key and body returns the first response.",
                required: false,
                schema: key
            )
        ),
        (
            "DemandedIdempotencyKey",
            header(
                "Idempotency-Key",
                "A repeat with the same key and body returns the first response. Without it, a repeat acts twice.",
                required: true,
                schema: key
            )
        ),
    ]

    private static let key = JSON.members(
        ("type", "string"),
        ("minLength", 1),
        ("maxLength", 255),
        ("pattern", "^[!-~]+$")
    )
    private static let parameter = OpenAPISchema(place: .parameter)
    private static let request = OpenAPISchema(place: .request)
    private static let response = OpenAPISchema(place: .response)

    private static func header(_ name: String, _ description: String, required: Bool, schema: JSON) -> JSON {
        .members(
            ("name", .text(name)),
            ("in", "header"),
            ("required", .flag(required)),
            ("description", .text(description)),
            ("schema", schema)
        )
    }

    var json: JSON {
        get throws {
            let lines = method.comment
            let summary = lines.first { !$0.isEmpty } ?? method.descriptor.name
            return .members(
                (
                    "operationId",
                    .text("\(service.base)_\(method.descriptor.name)" + (number == 0 ? "" : "_\(number + 1)"))
                ),
                ("tags", .list([.text(service.base)])),
                ("summary", .text(summary)),
                ("description", lines.count > 1 ? .text(lines.joined(separator: "\n")) : nil),
                ("security", security),
                ("parameters", .list(try parameters)),
                ("requestBody", try requestBody),
                ("responses", responses)
            )
        }
    }

    private var security: JSON {
        method.access.scope.map { .list([.object([("bearer", .list([.text($0)]))])]) }
            ?? .list([.object([]), .object([("bearer", .list([]))])])
    }

    private var parameters: [JSON] {
        get throws {
            var all = try rule.variables.map { field in
                JSON.members(
                    ("name", .text(field.name)),
                    ("in", "path"),
                    ("required", true),
                    ("schema", try Self.parameter.of(field))
                )
            }
            all += try rule.queryFields(of: method.input).flatMap { try query($0, prefix: "", depth: 0) }
            if method.requiresKey {
                all.append(.reference("#/components/parameters/DemandedIdempotencyKey"))
            } else if method.call.writes {
                all.append(.reference("#/components/parameters/IdempotencyKey"))
            }
            return all + [.reference("#/components/parameters/RequestTimeout")]
        }
    }

    /// The parameters of a field in the query; nested fields are written with dots, as in `page.size`.
    private func query(_ field: FieldDescriptor, prefix: String, depth: Int) throws -> [JSON] {
        if case .message(let message) = try FieldKind(field) {
            guard !field.isRepeated, depth < 4 else { return [] }
            return try message.fields.flatMap { try query($0, prefix: "\(prefix)\(field.name).", depth: depth + 1) }
        }
        let required = depth == 0 && Self.parameter.isRequired(field)
        return [
            .members(
                ("name", .text(prefix + field.name)),
                ("in", "query"),
                ("required", required ? true : nil),
                ("schema", try Self.parameter.of(field))
            )
        ]
    }

    private var requestBody: JSON? {
        get throws {
            guard !rule.body.isEmpty else { return nil }
            let bound = Set(rule.variables.map(\.name))
            let fields = method.input.fields.filter {
                rule.body == "*" ? !bound.contains($0.name) : $0.name == rule.body
            }
            let schema: JSON =
                if rule.body != "*", let message = fields.first?.messageType {
                    Self.request.reference(to: message)
                } else if bound.isEmpty {
                    Self.request.reference(to: method.input)
                } else {
                    try Self.request.object(fields, description: [])
                }
            return .members(
                ("required", .flag(fields.contains(where: Self.request.isRequired))),
                ("content", .object([("application/json", .object([("schema", schema)]))]))
            )
        }
    }

    private var responses: JSON {
        let type = method.streams ? "application/x-ndjson" : "application/json"
        let content = JSON.object([(type, .object([("schema", Self.response.reference(to: method.output))]))])
        let description = method.streams ? "One JSON object per line, streamed." : "Done."
        let success = JSON.members(
            ("description", .text(description)),
            ("headers", .object(OpenAPIHeaders.limits)),
            ("content", content)
        )
        return .object(
            [("200", success)] + problems.map { ("\($0)", .reference("#/components/responses/Problem\($0)")) }
        )
    }

    private var problems: [Int] {
        var statuses: Set<Int> = [400, 404, 429, 500, 503, 504, 401]
        if method.access.scope != nil { statuses.insert(403) }
        if method.call.writes { statuses.formUnion([409, 422]) }
        if !rule.body.isEmpty { statuses.formUnion([413, 415]) }
        return statuses.sorted()
    }
}
