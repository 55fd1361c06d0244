import SwiftProtobuf
import SwiftProtobufPluginLibrary

/// The protoc plugin: generates protocols, clients, method descriptors, field rules, typed topics, OpenAPI, the routes of
/// a gateway and the list of a system's contracts.
///
/// Options: `ProtoPathModuleMappings=<file>`, as in protoc-gen-swift; `System=<package prefix>`, as in `acme.`, the
/// contracts of the system, which its gateway serves; `PackageVisibility=<proto package>`, for each one whose code has the
/// access level `package` instead of `public`.
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
        var prefix = ""
        var restricted: Set<String> = []
        for (key, value) in parameter.parsedPairs {
            switch key {
            case "ProtoPathModuleMappings": mappings = try ProtoFileToModuleMappings(path: value)
            case "System": prefix = value
            case "PackageVisibility": restricted.insert(value)
            default: throw Refusal("unknown option '\(key)'")
            }
        }
        let names = Set(files.map(\.name))
        let refusals = files.flatMap { FileCheck(file: $0, generated: names).refusals }
        guard refusals.isEmpty else { throw Refusals(all: refusals) }
        let packages = try Package.all(of: files, mappings: mappings, restricted: restricted)
        for package in packages { try package.write(to: outputs) }
        if !prefix.isEmpty {
            let system = packages.filter { $0.name.hasPrefix(prefix) }
            guard !system.isEmpty else { throw Refusal("no proto package begins with \(prefix)") }
            try Gateway(prefix: prefix, packages: system).write(to: outputs)
            try SystemContracts(prefix: prefix, packages: system).write(to: outputs)
        }
    }
}

extension Package {
    fileprivate func write(to outputs: any GeneratorOutputs) throws {
        for file in files {
            let name = file.name.dropLast(".proto".count)
            let shapes = try Refusal.naming(file) { try ShapesSource(file: file, names: names).text }
            if let shapes { try outputs.add(source: shapes, to: "\(name).shapes.martlet.swift", from: file.name) }
        }
        for service in services {
            let file: FileDescriptor = service.descriptor.file
            let path = "\(folder)/\(service.fileName)"
            let calls = try Refusal.naming(file) { try CallsSource(service: service, package: self).text }
            try outputs.add(source: calls, to: "\(path).calls.martlet.swift", from: file.name)
            guard service.hasREST else { continue }
            let document = OpenAPIDocument(service: service, version: version, access: names.access)
            let source = try Refusal.naming(file) { try document.source }
            try outputs.add(source: source, to: "\(path).openapi.martlet.swift", from: file.name)
        }
        if let source = try TopicsSource(package: self).text {
            let protos = files.filter { $0.messages.contains(where: \.options.hasEvent) }.map(\.name)
            let path = "\(folder)/\(shortName).topics.martlet.swift"
            try outputs.add(source: source, to: path, from: protos.joined(separator: " and "))
        }
    }
}
