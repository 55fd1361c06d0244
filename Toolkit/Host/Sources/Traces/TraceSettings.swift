public import MartletConfig
import MartletCore

/// The settings of a process that records spans.
public struct TraceSettings: Sendable {
    /// `nil` records nothing.
    let collector: CollectorAddress?
    /// Of the traces that begin here, 0 to 1.
    let share: Double
    /// The names of attributes of services that are exported.
    let attributes: [ExactText]

    public init(_ reader: inout ConfigReader) {
        collector = reader.optional(
            "traces-endpoint",
            help: "The collector that gets the spans, by OTLP over HTTP; without it none are recorded.",
            expected: CollectorAddress.expected,
            parse: { CollectorAddress($0) }
        )
        share =
            reader.optional(
                "traces-share",
                help: "The share of the traces that begin here which are recorded, from 0 to 1; 1 if missing.",
                expected: "must be a number from 0 to 1",
                parse: { Double($0).flatMap { 0...1 ~= $0 ? $0 : nil } }
            ) ?? 1
        attributes =
            reader.optional(
                "traces-attributes",
                help: "Names of the services' own attributes that are exported, by commas.",
                expected: "must be names, separated by commas",
                parse: { $0.isEmpty ? nil : $0.split(separator: ",").map { ExactText(String($0)) } }
            ) ?? []
    }
}
