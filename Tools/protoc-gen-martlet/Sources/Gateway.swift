import SwiftProtobuf
import SwiftProtobufPluginLibrary

/// What the gateway knows of all contracts behind it: routes and one OpenAPI document.
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
            source.comment(["Which service answers which request, by verb and path."])
            try source.block("enum GatewayRoutes") { source in
                source.line("static let all: [RoutedMethod] = [")
                try source.indented { source in
                    for package in packages {
                        for service in package.services {
                            for method in service.methods where !method.rules.isEmpty {
                                for rule in method.rules {
                                    guard seen.insert("\(rule.verb) \(rule.path)").inserted else {
                                        throw Refusal(
                                            "\(method.descriptor.fullName): a second \(rule.verb) \(rule.path)"
                                        )
                                    }
                                }
                                let descriptor = DescriptorSource.text(of: method, service)
                                source.line("RoutedMethod(service: \(package.word.literal), method: \(descriptor)),")
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
    /// With a space behind it, or empty.
    let access: String
    let document: String

    var text: String {
        var source = SourceText()
        source.comment(["The OpenAPI document, as JSON."])
        source.block("\(access)enum \(name)") { source in
            source.line("\(access)static let document = #\"\"\"")
        }
        // The document stands at the margin, so that no line of it is indented by the literal.
        let body = source.text.dropLast("}\n".count)
        return body + document + "\n\"\"\"#\n}\n"
    }
}
