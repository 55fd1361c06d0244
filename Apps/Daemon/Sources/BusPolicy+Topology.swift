import Foundation
public import MartletConfig
import MartletHost
public import MartletMessaging

extension BusPolicy {
    /// The policy of a system, of its topology: who publishes each topic, and which services call or subscribe to which.
    ///
    /// The contracts' generator writes the topics and the methods' callers into that file, `martlet.json`.
    ///
    /// - Parameter path: The file.
    /// - Throws: What reading and decoding the file throws.
    public init(topologyAt path: String) throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        try self.init(try JSONDecoder().decode(PolicyTopology.self, from: data))
    }

    private init(_ topology: PolicyTopology) throws {
        let topics = topology.topics ?? []
        let subscriptions: [(service: String, source: String)] = topology.processes.flatMap { process in
            topics.filter { process.consumes?.contains($0.name) == true }.flatMap { topic in
                process.services.map { (service: $0, source: topic.publisher) }
            }
        }
        let calls: [(service: String, source: String)] = (topology.methods ?? []).flatMap { method in
            method.callers.map { (service: String($0.prefix { $0 != " " }), source: method.service) }
        }
        try self.init(
            topics: topics.map { try $0.owned },
            edges: subscriptions + calls.filter { !["NONE", "ANY_SERVICE"].contains($0.service) }
        )
    }
}

extension ConfigReader {
    /// Reads the required setting `topology`: the system's topology, by which an event log decides.
    ///
    /// A file that is none is a fault of the setting.
    public mutating func busPolicy() -> BusPolicy {
        var problem = "must name the system's topology"
        return value(
            "topology",
            isRequired: true,
            or: BusPolicy(topics: [], edges: []),
            help: "The system's topology: who owns each topic, and who reads it.",
            expected: { problem },
            parse: { path in
                do {
                    return try BusPolicy(topologyAt: path)
                } catch {
                    problem = "must name the system's topology: \(ErrorText.plain(error))"
                    return nil
                }
            }
        )
    }
}

/// What a policy needs of a topology; the other keys are the command line's.
private struct PolicyTopology: Decodable {
    struct Process: Decodable {
        let services: [String]
        let consumes: [String]?
    }

    struct Topic: Decodable {
        let name: String
        let publisher: String
        let partitions: Int?

        /// - Throws: For a number of partitions that no topic has.
        var owned: BusPolicy.Topic {
            get throws {
                if let partitions, !(1...TopicPlan.partitionsLimit ~= partitions) {
                    throw DecodingError.dataCorrupted(
                        DecodingError.Context(
                            codingPath: [],
                            debugDescription: "\(name): a topic has 1 to \(TopicPlan.partitionsLimit) partitions"
                        )
                    )
                }
                return BusPolicy.Topic(name, publisher: publisher, partitions: partitions)
            }
        }
    }

    struct Method: Decodable {
        let service: String
        let callers: [String]
    }

    let processes: [Process]
    let topics: [Topic]?
    let methods: [Method]?
}
