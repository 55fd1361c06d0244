import SwiftProtobuf
import SwiftProtobufPluginLibrary

/// The services, topics, scopes and methods of a system's contracts: as Swift for its programs, as JSON for its topology.
struct SystemContracts {
    /// Of the packages, as in `acme.`.
    let prefix: String
    let packages: [Package]

    func write(to outputs: any GeneratorOutputs) throws {
        try outputs.add(source: try source, to: "system/\(name).martlet.swift", from: "\(prefix)*")
        try outputs.add(fileName: "system/topology.json", contents: try json.formatted(levels: 1) + "\n")
    }

    /// As in `AcmeContracts`.
    private var name: String { (prefix.split(separator: ".").first ?? "").upperCamel + "Contracts" }

    private var serving: [Package] { packages.filter { !$0.services.isEmpty } }

    private var source: String {
        get throws {
            var source = SourceText()
            let publishing = packages.filter { !$0.events.isEmpty }
            let modules = Set(publishing.compactMap(\.names.module))
            source.imports(["public import MartletMessaging"] + modules.map { "import \($0)" })
            source.comment(["The services and topics of all contracts."])
            try source.block("public enum \(name)") { source in
                source.comment(["The services' names in the registry."])
                source.list("public static let services: [String]", serving.map(\.shortName.literal))
                source.line()
                source.comment(["All topics."])
                var topics: [String] = []
                for package in publishing {
                    for event in package.events {
                        let name = try TopicsSource.read(event).name
                        topics.append("\(package.swiftName)Topics.\(name)")
                    }
                }
                source.list("public static let topics: [any EventTopic]", topics)
            }
            return source.text
        }
    }

    private var json: JSON {
        get throws {
            var topics: [JSON] = []
            for package in packages {
                for event in package.events {
                    let topic = try TopicsSource.read(event).topic
                    let partitions = try TopicOptions(event).partitions.map { JSON.number(Int64($0)) }
                    topics.append(
                        .members(
                            ("name", .text(topic)),
                            ("publisher", .text(package.shortName)),
                            ("partitions", partitions)
                        )
                    )
                }
            }
            let scopes = Set(packages.flatMap(\.services).flatMap(\.methods).compactMap(\.access.scope))
            return .object([
                ("services", .list(serving.map { .text($0.shortName) })),
                ("topics", .list(topics)),
                ("scopes", .list(scopes.sorted().map { .text($0) })),
                ("methods", .list(serving.flatMap { methods(of: $0) })),
            ])
        }
    }
}

extension SystemContracts {
    /// Who may call each method.
    private func methods(of package: Package) -> [JSON] {
        package.services.flatMap { service in
            service.methods.map { method in
                .object([
                    ("service", .text(package.shortName)),
                    ("name", .text("\(service.descriptor.fullName)/\(method.descriptor.name)")),
                    ("users", .text(method.access.usersText)),
                    ("callers", .list(method.access.callersTexts.map { .text($0) })),
                ])
            }
        }
    }
}

extension SourceText {
    /// An array, one item per line.
    fileprivate mutating func list(_ declaration: String, _ items: [String]) {
        line("\(declaration) = [")
        indented { source in
            for item in items { source.line("\(item),") }
        }
        line("]")
    }
}
