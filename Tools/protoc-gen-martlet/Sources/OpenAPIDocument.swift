import SwiftProtobuf
import SwiftProtobufPluginLibrary

/// The OpenAPI 3.1 document of the REST API of services.
struct OpenAPIDocument {
    let title: String
    let version: String
    let services: [Service]

    var json: JSON {
        get throws {
            .members(
                ("openapi", "3.1.0"),
                ("info", information),
                ("servers", .list([.object([("url", "/")])])),
                ("tags", .list(services.map(tag))),
                ("paths", .object(try paths)),
                ("components", try components)
            )
        }
    }

    private var information: JSON {
        let notes = [
            "Fields have the names of the contract, in snake case. Unknown fields, duplicate fields and values of a "
                + "wrong type are refused with the field's path.",
            "64-bit integers are JSON numbers; a string of digits is accepted, too. A response has every field, "
                + "including zero, false and empty values; only absent optional fields are left out.",
            "Every error is a problem document (RFC 9457).",
        ]
        let about = services.count == 1 ? [services[0].comment.joined(separator: "\n")] : []
        return .members(
            ("title", .text(title)),
            ("version", .text(version)),
            ("description", .text((about + notes).joined(separator: "\n\n")))
        )
    }

    private func tag(_ service: Service) -> JSON {
        .members(
            ("name", .text(service.base)),
            ("description", service.comment.isEmpty ? nil : .text(service.comment.joined(separator: "\n")))
        )
    }

    private var paths: [(String, JSON)] {
        get throws {
            var operations: [(path: String, verb: String, operation: JSON)] = []
            for service in services {
                for method in service.methods {
                    for (index, rule) in method.rules.enumerated() {
                        let operation = try OpenAPIOperation(
                            service: service,
                            method: method,
                            rule: rule,
                            number: index
                        ).json
                        operations.append((rule.openAPIPath, rule.verb.lowercased(), operation))
                    }
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
            var pending = services.flatMap(\.methods).filter { !$0.rules.isEmpty }.flatMap { [$0.input, $0.output] }
            while let message = pending.popLast() {
                guard found.updateValue(message, forKey: OpenAPISchema.name(of: message)) == nil else { continue }
                pending += message.fields.filter { $0.type == .message && !$0.isTimestamp }.compactMap(\.messageType)
            }
            return try found.sorted { $0.key < $1.key }.map { ($0.key, try OpenAPISchema.of($0.value)) }
        }
    }
}
