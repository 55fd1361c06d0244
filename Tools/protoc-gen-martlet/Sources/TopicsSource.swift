import SwiftProtobuf
import SwiftProtobufPluginLibrary

/// The typed topics of a contract: event, topic name and key.
struct TopicsSource {
    let package: Package

    /// `nil` when the contract has no events.
    var text: String? {
        get throws {
            guard !package.events.isEmpty else { return nil }
            let access = package.names.access
            var source = SourceText()
            source.imports(["\(access) import MartletMessaging", "import SwiftProtobuf"])
            source.comment(["The topics of \(package.swiftName)."])
            try source.block("\(access) enum \(package.swiftName)Topics") { source in
                var names: Set<String> = []
                for event in package.events {
                    let (name, topic, key) = try Self.read(event)
                    guard names.insert(name).inserted else {
                        throw Refusal("\(event.fullName): a second event with the topic \(topic)", in: event.file)
                    }
                    let type = package.names.type(event)
                    let plan = try TopicOptions(event).arguments
                    source.comment(event.commentLines)
                    source.line("\(access) static let \(name) = Topic<\(type)>(")
                    source.indented { source in
                        source.line("\(topic.literal), source: \(package.shortName.literal),")
                        source.line("type: EventType(\(event.fullName.literal)),")
                        if !plan.isEmpty { source.line("\(plan.joined(separator: ", ")),") }
                        source.line("key: { $0.\(package.names.property(key).name) },")
                        source.line(
                            "encode: { try $0.serializedBytes() }, decode: { try \(type)(serializedBytes: $0) },"
                        )
                        source.line("json: BodyJSON(")
                        source.indented { source in
                            source.line("text: { try \(type)(serializedBytes: $0).jsonString() },")
                            source.line("bytes: { try \(type)(jsonString: $0).serializedBytes() }))")
                        }
                    }
                }
            }
            return source.text
        }
    }

    /// The topic's name in Swift, its full name, and the field of its key.
    static func read(_ event: Descriptor) throws -> (name: String, topic: String, key: FieldDescriptor) {
        let option = event.options.event
        let package: String = event.file.package
        let local = option.topic.hasPrefix(package + ".") ? option.topic.dropFirst(package.count + 1) : ""
        guard local.first?.isLetter == true, local.allSatisfy({ $0.isLetter || $0.isNumber || "_-".contains($0) })
        else {
            throw Refusal("\(event.fullName): a topic is its package and a local name, as in \(package).things")
        }
        guard let key = event.fields.first(where: { $0.name == option.key }), key.type == .string, !key.isRepeated
        else {
            throw Refusal("\(event.fullName): the key '\(option.key)' is not a singular string field")
        }
        let parts = local.split(whereSeparator: { $0 == "_" || $0 == "-" })
        let name = parts.dropFirst().reduce(String(parts.first ?? "")) { $0 + $1.upperFirst }
        return (name.escaped, option.topic, key)
    }
}
