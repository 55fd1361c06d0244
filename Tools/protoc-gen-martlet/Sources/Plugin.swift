import SwiftProtobuf
import SwiftProtobufPluginLibrary

/// The protoc plugin: generates protocols, clients, method descriptors, field rules, typed topics, OpenAPI, the gateway's
/// routes and the list of a system's contracts.
///
/// Options: `ProtoPathModuleMappings=<file>`, as in protoc-gen-swift; `Gateway=<package prefix>`, the contracts of the
/// system, which its gateway serves.
@main
struct Plugin: CodeGenerator {
    var supportedFeatures: [Google_Protobuf_Compiler_CodeGeneratorResponse.Feature] { [.proto3Optional] }
    var customOptionExtensions: [any AnyMessageExtension] {
        [Google_Api_Extensions_http, Extensions_call, Extensions_event, Extensions_rule]
    }

    func generate(
        files: [FileDescriptor],
        parameter: any CodeGeneratorParameter,
        protoCompilerContext: any ProtoCompilerContext,
        generatorOutputs outputs: any GeneratorOutputs
    ) throws {
        var mappings = ProtoFileToModuleMappings()
        var gateway = ""
        for (key, value) in parameter.parsedPairs {
            switch key {
            case "ProtoPathModuleMappings": mappings = try ProtoFileToModuleMappings(path: value)
            case "Gateway": gateway = value
            default: throw Refusal("unknown option '\(key)'")
            }
        }
        let packages = try Package.all(of: files, mappings)
        for package in packages { try package.write(to: outputs) }
        if !gateway.isEmpty {
            let system = packages.filter { $0.name.hasPrefix(gateway) }
            try Gateway(packages: system).write(to: outputs)
            try SystemContracts(prefix: gateway, packages: system).write(to: outputs)
        }
    }
}

extension Package {
    fileprivate func write(to outputs: any GeneratorOutputs) throws {
        for file in files {
            let name = file.name.dropLast(".proto".count)
            if let source = try ShapesSource(file: file, names: names).text {
                try outputs.add(fileName: "\(name).shapes.martlet.swift", contents: source)
            }
        }
        for service in services {
            let source = try CallsSource(service: service, package: self).text
            try outputs.add(fileName: "\(folder)/\(service.fileName).calls.martlet.swift", contents: source)
            guard service.hasREST else { continue }
            let document = OpenAPIDocument(service: service, version: version)
            try outputs.add(
                fileName: "\(folder)/\(service.fileName).openapi.martlet.swift",
                contents: document.source
            )
        }
        if let source = try TopicsSource(package: self).text {
            try outputs.add(fileName: "\(folder)/\(shortName).topics.martlet.swift", contents: source)
        }
    }
}

/// The reason why no code can be generated for a contract; it names the element.
struct Refusal: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
