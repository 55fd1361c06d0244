import SwiftProtobuf
import SwiftProtobufPluginLibrary

/// The gateway's routes and its OpenAPI document for all contracts behind it.
struct Gateway {
    let packages: [Package]

    func write(to outputs: any GeneratorOutputs) throws {
        let document = try OpenAPIDocument(
            title: "Martlet",
            version: "v1",
            services: packages.flatMap(\.services).filter(\.hasREST)
        ).json.pretty
        try outputs.add(fileName: "gateway/GatewayRoutes.martlet.swift", contents: try routes)
        try outputs.add(
            fileName: "gateway/GatewayOpenAPI.martlet.swift",
            contents: OpenAPISource(name: "GatewayOpenAPI", access: "", document: document).text
        )
        try outputs.add(fileName: "openapi/gateway.json", contents: document + "\n")
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
                                            "\(method.descriptor.fullName): duplicate route \(rule.verb) \(rule.path)"
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
}

/// A document as a Swift constant.
struct OpenAPISource {
    let name: String
    /// The access level with a trailing space, or empty.
    let access: String
    let document: String

    var text: String {
        var source = SourceText()
        source.comment(["The OpenAPI document, as JSON."])
        source.block("\(access)enum \(name)") { source in
            source.line("\(access)static let document = #\"\"\"")
        }
        // The document is not indented, since indentation would become part of the literal.
        let body = source.text.dropLast("}\n".count)
        return body + document + "\n\"\"\"#\n}\n"
    }
}
