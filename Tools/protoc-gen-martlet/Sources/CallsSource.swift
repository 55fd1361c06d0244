import SwiftProtobuf
import SwiftProtobufPluginLibrary

/// The transport-neutral protocols of a service's callers and handlers, its client, its method descriptors and its
/// `ServedContract`.
struct CallsSource {
    let service: Service
    let package: Package
    private var access: String { package.names.access }

    var text: String {
        get throws {
            var source = SourceText()
            let types = service.methods.flatMap { [$0.input, $0.output] }
            source.imports(
                ["\(access) import MartletContract", "\(access) import MartletCore"]
                    + package.names.modules(of: types).map { "\(access) import \($0)" }
            )
            writeProtocol(&source)
            writeClient(&source)
            writeHandling(&source)
            writeMethods(&source)
            try writeServed(&source)
            return source.text
        }
    }

    private func signature(_ method: Method, _ metadata: String = "context: CallContext") -> String {
        let response = package.names.type(method.output)
        return "func \(method.name)(_ request: \(package.names.type(method.input)), \(metadata)) async throws -> "
            + (method.streams ? "ResponseStream<\(response)>" : response)
    }

    private func writeProtocol(_ source: inout SourceText) {
        source.comment(service.comment)
        source.block("\(access) protocol \(service.base)Calls: Sendable") { source in
            for method in service.methods {
                source.comment(method.comment)
                source.line(signature(method))
            }
        }
        source.line()
    }

    private func writeClient(_ source: inout SourceText) {
        source.comment(["The client of \(service.base), over any transport."])
        source.block("\(access) struct \(service.base)Client: \(service.base)Calls") { source in
            source.line("private let channel: any RPCChannel")
            source.line()
            source.line("\(access) init(over channel: any RPCChannel) { self.channel = channel }")
            source.line()
            source.comment(["For the calls of a service: over its channel to `\(package.shortName)`."])
            source.line(
                "\(access) init(on platform: some CallPlatform) { self.init(over: platform.channel(to: \(package.shortName.literal))) }"
            )
            for method in service.methods {
                source.line()
                source.block("\(access) \(signature(method))") { source in
                    let form = method.streams ? "serverStream" : "unary"
                    source.line(
                        "try await channel.\(form)(\(service.base)Methods.\(method.name), request, context: context)"
                    )
                }
            }
        }
        source.line()
    }

    private func writeHandling(_ source: inout SourceText) {
        source.comment(["The methods of \(service.base), as a service handles them."])
        source.block("\(access) protocol \(service.base)Handling: Sendable") { source in
            for method in service.methods {
                source.comment(method.comment)
                source.line(signature(method, "_ call: Call"))
            }
        }
        source.line()
    }

    private func writeMethods(_ source: inout SourceText) {
        source.comment(["The method descriptors of \(service.base)."])
        source.block("\(access) enum \(service.base)Methods") { source in
            for method in service.methods {
                source.line("\(access) static let \(method.name) = \(DescriptorSource.text(of: method, service))")
            }
            source.line()
            source.comment(["In contract order."])
            let all = service.methods.map(\.name).joined(separator: ", ")
            source.line("\(access) static let all: [MethodDescriptor] = [\(all)]")
        }
        source.line()
    }

    private func writeServed(_ source: inout SourceText) throws {
        let topics = try package.events.map { event in
            let arguments = [try TopicsSource.read(event).topic.literal] + (try TopicOptions(event).arguments)
            return "ServedTopic(\(arguments.joined(separator: ", ")))"
        }
        let served = topics.isEmpty ? "" : "topics: [\(topics.joined(separator: ", "))], "
        source.block("extension ServedContract") { source in
            source.comment([
                "Serves `handler` over gRPC, REST and in-process channels, as a part of the service on `platform`."
            ])
            let opening =
                "\(access) static func \(service.name)(_ handler: some \(service.base)Handling, on platform: some CallPlatform) -> ServedContract"
            source.block(opening) { source in
                let document = service.hasREST ? "\(service.base)OpenAPI.document" : "\"\""
                source.line(
                    "var served = ServedContract(name: \(service.descriptor.fullName.literal), openAPI: \(document), \(served)on: platform)"
                )
                for method in service.methods {
                    let on = method.streams ? "onStream" : "on"
                    let request = package.names.type(method.input)
                    source.block("served.\(on)(\(service.base)Methods.\(method.name))", closure: request) { source in
                        source.line("try await handler.\(method.name)(request, call)")
                    }
                }
                source.line("return served")
            }
        }
    }
}

extension SourceText {
    fileprivate mutating func block(
        _ opening: String,
        closure request: String,
        _ body: (inout SourceText) throws -> Void
    ) rethrows {
        line("\(opening) { (request: \(request), call) in")
        try indented(body)
        line("}")
    }
}

/// A method's descriptor as a Swift expression.
enum DescriptorSource {
    static func text(of method: Method, _ service: Service) -> String {
        let rules = method.rules.map { rule in
            "HTTPRule(.\(rule.verb.lowercased()), \(rule.path.literal), body: \(rule.body.literal))"
        }
        return
            "MethodDescriptor(service: \(service.descriptor.fullName.literal), name: \(method.descriptor.name.literal), "
            + "idempotent: \(method.call.idempotent), writes: \(method.call.writes), \(method.access.arguments), "
            + "http: [\(rules.joined(separator: ", "))])"
    }
}
