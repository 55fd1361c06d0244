import SwiftProtobuf
import SwiftProtobufPluginLibrary

/// The OpenAPI 3.1 document of a service's REST API.
struct OpenAPIDocument {
    /// What holds for every service, one paragraph each.
    static let notes = [
        "Fields have the names of the contract, in snake case. Unknown fields, duplicate fields and values of a "
            + "wrong type are refused with the field's path.",
        "In a request, null means that a field is absent, and 64-bit integers may be strings of digits. A response has "
            + "every field, including zero, false and empty values; only absent optional fields are left out.",
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
                ("headers", .object(OpenAPIHeaders.shared)),
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

    /// A message that an operation reaches, in a request or in a response.
    private struct Reached {
        let message: Descriptor
        let place: OpenAPISchema.Place

        var text: String { "\(message.fullName) of a \(place)" }
    }

    /// Every message that an operation reaches, by name.
    private var schemas: [(String, JSON)] {
        get throws {
            var found: [String: Reached] = [:]
            let methods = service.methods.filter { !$0.rules.isEmpty }
            var pending = methods.map { Reached(message: $0.input, place: .request) }
            pending += methods.map { Reached(message: $0.output, place: .response) }
            while let reached = pending.popLast() {
                let name = OpenAPISchema(place: reached.place).name(of: reached.message)
                if let other = found.updateValue(reached, forKey: name) {
                    guard other.message === reached.message, other.place == reached.place else {
                        throw Refusal("\(reached.text) and \(other.text) are both the schema \(name) in OpenAPI")
                    }
                    continue
                }
                let inner = reached.message.fields.filter { $0.type == .message && !$0.isTimestamp }
                pending += inner.compactMap(\.messageType).map { Reached(message: $0, place: reached.place) }
            }
            return try found.sorted { $0.key < $1.key }.map { name, reached in
                (name, try OpenAPISchema(place: reached.place).of(reached.message))
            }
        }
    }
}
