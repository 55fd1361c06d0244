import SwiftProtobuf
import SwiftProtobufPluginLibrary

/// The typed topics of a contract: which event on which topic, by which key.
struct TopicsSource {
    let package: Package

    /// `nil` when the contract publishes nothing.
    var text: String? {
        get throws {
            guard !package.events.isEmpty else { return nil }
            var source = SourceText()
            source.imports(["public import MartletMessaging", "import SwiftProtobuf"])
            source.comment(["What \(package.word.upperFirst) publishes."])
            try source.block("public enum \(package.word.upperFirst)Topics") { source in
                var names: Set<String> = []
                for event in package.events {
                    let (name, topic, key) = try read(event)
                    guard names.insert(name).inserted else {
                        throw Refusal("\(event.fullName): a second topic \(topic)")
                    }
                    let type = package.names.type(event)
                    source.comment(event.commentLines)
                    source.line("public static let \(name) = Topic<\(type)>(")
                    source.indented { source in
                        source.line("\(topic.literal), key: { $0.\(package.names.property(key).name) },")
                        source.line(
                            "encode: { try $0.serializedBytes() }, decode: { try \(type)(serializedBytes: $0) })"
                        )
                    }
                }
            }
            return source.text
        }
    }

    private func read(_ event: Descriptor) throws -> (name: String, topic: String, key: FieldDescriptor) {
        let said = event.options.event
        guard said.topic.hasPrefix(package.name + "."), let word = said.topic.split(separator: ".").last else {
            throw Refusal("\(event.fullName): a topic is its package and a word, as in \(package.name).things")
        }
        guard let key = event.fields.first(where: { $0.name == said.key }), key.type == .string, !key.isRepeated else {
            throw Refusal("\(event.fullName): the key '\(said.key)' is no string field")
        }
        let words = word.split(whereSeparator: { $0 == "_" || $0 == "-" })
        let name = words.dropFirst().reduce(String(words.first ?? "")) { $0 + $1.upperFirst }
        return (name, said.topic, key)
    }
}
