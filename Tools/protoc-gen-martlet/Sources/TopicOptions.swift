import SwiftProtobuf
import SwiftProtobufPluginLibrary

/// What a contract states about how a broker stores a topic.
struct TopicOptions {
    /// As `TopicPlan.partitionsLimit` of the toolkit.
    private static let partitionsLimit: UInt32 = 256
    /// As `TopicPlan.retentionLimit` of the toolkit: ten years.
    private static let retentionSecondsLimit: UInt32 = 315_360_000

    /// `nil` for the broker's own number.
    let partitions: UInt32?
    /// `nil` for the broker's own time.
    let retentionSeconds: UInt32?

    /// - Throws: `Refusal` for a number out of its range.
    init(_ event: Descriptor) throws {
        let option = event.options.event
        partitions = option.hasPartitions ? option.partitions : nil
        retentionSeconds = option.hasRetentionSeconds ? option.retentionSeconds : nil
        if let partitions, !(1...Self.partitionsLimit ~= partitions) {
            throw Refusal("\(event.fullName): a topic has 1 to \(Self.partitionsLimit) partitions")
        }
        if let retentionSeconds, !(1...Self.retentionSecondsLimit ~= retentionSeconds) {
            throw Refusal("\(event.fullName): retention_seconds is 1 to \(Self.retentionSecondsLimit)")
        }
    }

    /// The arguments of what is declared, as in `partitions: 16`.
    var arguments: [String] {
        [
            partitions.map { "partitions: \($0)" },
            retentionSeconds.map { "retention: .seconds(\($0))" },
        ].compactMap { $0 }
    }
}
