import SwiftProtobuf
import SwiftProtobufPluginLibrary

/// The gateway's routes and the OpenAPI documents of the contracts behind it.
struct Gateway {
    /// Of the packages, as in `acme.`.
    let prefix: String
    let packages: [Package]

    func write(to outputs: any GeneratorOutputs) throws {
        try outputs.add(source: try routes, to: "gateway/GatewayRoutes.martlet.swift", from: "\(prefix)*")
        try outputs.add(source: try documents, to: "gateway/GatewayOpenAPI.martlet.swift", from: "\(prefix)*")
    }

    private var routes: String {
        get throws {
            var seen: Set<String> = []
            var source = SourceText()
            source.imports(["import MartletContract"])
            source.comment(["The service of each route, by verb and path."])
            try source.block("enum GatewayRoutes") { source in
                source.line("static let all: [RoutedMethod] = [")
                try source.indented { source in
                    for package in packages {
                        for service in package.services {
                            for method in service.methods where !method.rules.isEmpty {
                                for rule in method.rules {
                                    guard seen.insert("\(rule.verb) \(rule.path)").inserted else {
                                        throw Refusal(
                                            "\(method.descriptor.fullName): duplicate route \(rule.verb) \(rule.path)",
                                            in: method.descriptor.file
                                        )
                                    }
                                }
                                let name = package.shortName.literal
                                let descriptor = DescriptorSource.text(of: method, service)
                                source.line("RoutedMethod(service: \(name), method: \(descriptor)),")
                            }
                        }
                    }
                }
                source.line("]")
            }
            return source.text
        }
    }

    /// The names of the documents, without their texts: the gateway joins these when it starts.
    private var documents: String {
        get throws {
            let documented = packages.filter { $0.services.contains(where: \.hasREST) }
            var source = SourceText()
            let modules = try documented.map { package in
                guard let module = package.names.module else { throw Refusal("\(package.name) has no module") }
                return module
            }
            source.imports(Set(modules).map { "import \($0)" })
            source.comment(["The OpenAPI documents of the contracts behind the gateway."])
            source.block("enum GatewayOpenAPI") { source in
                source.comment(["In the order of their packages."])
                source.line("static let documents = [")
                source.indented { source in
                    for service in documented.flatMap(\.services) where service.hasREST {
                        source.line("\(OpenAPIDocument.name(of: service)).document,")
                    }
                }
                source.line("]")
                source.comment(["What holds for all of them."])
                source.line("static let description = \(OpenAPIDocument.notes.joined(separator: "\n\n").literal)")
            }
            return source.text
        }
    }
}
