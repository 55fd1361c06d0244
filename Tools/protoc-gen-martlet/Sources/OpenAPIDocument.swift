import SwiftProtobuf
import SwiftProtobufPluginLibrary

/// The OpenAPI 3.1 document of a service's REST API.
struct OpenAPIDocument {
    /// What holds for every service, one paragraph each.
    static let notes = [
        "Fields have the names of the contract, in snake case. Unknown fields, duplicate fields and values of a "
            + "wrong type are refused with the field's path.",
        "64-bit integers are JSON numbers; a string of digits is accepted, too. A response has every field, "
            + "including zero, false and empty values; only absent optional fields are left out.",
        "Every error is a problem document (RFC 9457).",
    ]

    let service: Service
    let version: String
    /// The access level of the constant, as in `public`.
    let access: String

    /// The Swift enum that holds the document of a service, as in `LinksOpenAPI`.
    static func name(of service: Service) -> String { "\(service.base)OpenAPI" }

    /// The document as a Swift constant, with one line per operation and schema.
    var source: String {
        get throws {
            let lines = try json.formatted(levels: 3).split(separator: "\n")
            var source = SourceText()
            source.comment(["The OpenAPI document, as JSON."])
            source.block("\(access) enum \(Self.name(of: service))") { source in
                source.line("\(access) static let document = #\"\"\"")
                // As deep as the closing quotes, so that the indentation is not part of the literal.
                source.indented { source in
                    for line in lines { source.line(String(line)) }
                    source.line("\"\"\"#")
                }
            }
            return source.text
        }
    }

    private var json: JSON {
        get throws {
            .members(
                ("openapi", "3.1.0"),
                ("info", information),
                ("servers", .list([.object([("url", "/")])])),
                ("tags", .list([tag])),
                ("paths", .object(try paths)),
                ("components", try components)
            )
        }
    }

    private var information: JSON {
        let about = service.comment.joined(separator: "\n")
        return .members(
            ("title", .text(service.base)),
            ("version", .text(version)),
            ("description", .text(([about] + Self.notes).joined(separator: "\n\n")))
        )
    }

    private var tag: JSON {
        .members(
            ("name", .text(service.base)),
            ("description", service.comment.isEmpty ? nil : .text(service.comment.joined(separator: "\n")))
        )
    }

    private var paths: [(String, JSON)] {
        get throws {
            var operations: [(path: String, verb: String, operation: JSON)] = []
            for method in service.methods {
                for (index, rule) in method.rules.enumerated() {
                    let operation = OpenAPIOperation(service: service, method: method, rule: rule, number: index)
                    operations.append((rule.openAPIPath, rule.verb.lowercased(), try operation.json))
                }
            }
            let byPath = Dictionary(grouping: operations, by: \.path)
            return byPath.keys.sorted().map { path in
                (path, .object((byPath[path] ?? []).sorted { $0.verb < $1.verb }.map { ($0.verb, $0.operation) }))
            }
        }
    }

    private var components: JSON {
        get throws {
            .members(
                ("schemas", .object(try schemas + [("Problem", OpenAPIProblems.schema)])),
                ("parameters", .object(OpenAPIOperation.sharedParameters)),
                ("responses", .object(OpenAPIProblems.responses)),
                (
                    "securitySchemes",
                    .object([
                        (
                            "bearer",
                            .members(
                                ("type", "http"),
                                ("scheme", "bearer"),
                                ("bearerFormat", "JWT"),
                                ("description", "A token with the scope that the operation requires.")
                            )
                        )
                    ])
                )
            )
        }
    }

    /// Every message that an operation reaches, by name.
    private var schemas: [(String, JSON)] {
        get throws {
            var found: [String: Descriptor] = [:]
            var pending = service.methods.filter { !$0.rules.isEmpty }.flatMap { [$0.input, $0.output] }
            while let message = pending.popLast() {
                let name = OpenAPISchema.name(of: message)
                if let other = found.updateValue(message, forKey: name) {
                    guard other === message else {
                        throw Refusal(
                            "\(message.fullName) and \(other.fullName) are both the schema \(name) in OpenAPI"
                        )
                    }
                    continue
                }
                pending += message.fields.filter { $0.type == .message && !$0.isTimestamp }.compactMap(\.messageType)
            }
            return try found.sorted { $0.key < $1.key }.map { ($0.key, try OpenAPISchema.of($0.value)) }
        }
    }
}
